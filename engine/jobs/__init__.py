"""Jobs: how long work runs, is controlled and reports. Independent of what the jobs do."""
