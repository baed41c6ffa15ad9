"""The page's tabs, one file or folder each."""
