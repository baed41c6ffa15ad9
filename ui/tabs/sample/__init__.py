"""The Sample tab."""
