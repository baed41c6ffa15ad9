"""The narrow columns of every question in memory: loaded, kept up to date, counted."""
