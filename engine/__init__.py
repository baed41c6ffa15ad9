"""Questions, verdicts, solutions and rewards are made here. Knows the store; knows nothing of the page."""
