"""Transformers models in this process: decoding, scoring, and the KV cache behind both."""
