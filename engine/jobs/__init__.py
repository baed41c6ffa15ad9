"""Jobs: how long work runs, is steered and reports. Knows no job."""
