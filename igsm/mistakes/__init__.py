"""What a solution gets wrong: kinds of mistakes, one file each, and the documents that they stand in. numpy, numba."""
