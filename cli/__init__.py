"""The command line: one short file a command, no logic, heavy imports inside the functions."""
