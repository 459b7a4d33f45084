"""V-probing: does the model know which parameters can be computed next? (Part 2.2, Results 0 and 1)"""
