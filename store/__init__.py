"""Where a workspace's rows live: records, schema, writes, filters, reads. Knows no engine and no page."""
