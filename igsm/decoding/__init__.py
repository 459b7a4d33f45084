"""Decoding: an engine with a slotted key/value cache, greedy, sampling, beam search and retry upon regret."""
