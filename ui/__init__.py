"""Everything that people and programs touch: the command line, the HTTP API, the page. Knows no SQL and no model."""
