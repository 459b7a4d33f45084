"""Training: one loop for pretraining, continued pretraining, LoRA and probing."""
