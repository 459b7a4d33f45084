"""Tokens: vocabulary, windows, shards, and the stream that training reads. No torch."""
