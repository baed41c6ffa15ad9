"""Questions, verdicts, solutions and rewards are made here. Knows the store; knows nothing of the page."""

import os

# Before torch is imported: OpenMP threads that spin while they wait made torch ten times slower as soon as anything
# else ran on the same two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# What torch's C++ side warns of (where memory is bound, say) is nothing that a user of this product can act on.
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
