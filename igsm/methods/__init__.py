"""Ways of learning from mistakes: one file each."""
