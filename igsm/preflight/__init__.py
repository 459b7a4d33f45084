"""Checks before work: names, memory, disk and whether documents fit, within a second and without torch."""
