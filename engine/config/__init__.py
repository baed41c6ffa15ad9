"""Run configs, profiles, prompt templates and sampling parameters."""
