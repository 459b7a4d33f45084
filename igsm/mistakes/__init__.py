"""What a solution gets wrong: kinds of mistakes, one file each, how they are drawn and written. numpy, numba."""
