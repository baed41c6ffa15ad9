"""SQL typed by a user, run on a snapshot in a killable process."""
