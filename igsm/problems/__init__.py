"""What a problem and its right solution are: the generator of iGSM problems. numpy, numba, networkx; no torch."""
