"""Review: decisions as events, queues, reviewers, and what the decisions say in numbers."""
