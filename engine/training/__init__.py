"""Training: the paper's QFT and QPO, the scorers, and the nano family that is trained from nothing."""
