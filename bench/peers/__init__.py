"""The peers of CivicForge: the stack of the system that it replaces, and the least that would do."""
