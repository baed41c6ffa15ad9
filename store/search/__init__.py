"""Full-text search over questions: the index, and scans of questions that are not indexed yet."""
