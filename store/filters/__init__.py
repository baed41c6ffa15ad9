"""Filters: which questions somebody means, as one JSON object, and the small languages inside it."""
