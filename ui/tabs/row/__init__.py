"""The story of one question, in a drawer over whatever tab is open."""
