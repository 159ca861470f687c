"""The embedded engine: runs the Pulumi program in process, plans and executes its changes, keeps the stack state."""
