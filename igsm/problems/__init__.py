"""What a problem, a solution and a mistake are: the generator of iGSM problems. numpy, numba, networkx; no torch."""
