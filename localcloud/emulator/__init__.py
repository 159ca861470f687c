"""The emulated AWS: MiniStack as a process, its gateway, and the patches that it needs."""
