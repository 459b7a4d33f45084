"""What a solution gets wrong, and what documents look like: kinds of mistakes, one file each, and layouts."""
