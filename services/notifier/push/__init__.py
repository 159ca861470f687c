"""Web Push: notices on a member's devices, encrypted for them alone."""
