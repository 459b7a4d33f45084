"""Learning from mistakes in pretraining: an open implementation of Physics of Language Models, Part 2.2."""
