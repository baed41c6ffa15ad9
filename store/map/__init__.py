"""The 2-D map: its files, its points as tiles, and nearest neighbours."""
