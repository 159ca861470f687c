"""The web console of the local cloud."""
