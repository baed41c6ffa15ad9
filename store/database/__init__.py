"""The workspace's database: schema, views, the one writer, and the reads that everything else is built on."""
