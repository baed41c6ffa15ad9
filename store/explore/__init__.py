"""Queries of the Explore tab: counts, pages, overviews and the effect of thresholds."""
