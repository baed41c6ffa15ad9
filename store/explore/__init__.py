"""What the Explore tab asks: counts, pages, overviews, what thresholds would keep."""
