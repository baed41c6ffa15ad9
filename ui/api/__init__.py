"""The HTTP API on loopback, by which the command line uses a running app."""
