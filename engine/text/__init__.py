"""What is read off texts: final answers, topics and levels."""
