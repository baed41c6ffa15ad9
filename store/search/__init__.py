"""Full-text search over questions: the index, and the scan of what is not indexed yet."""
