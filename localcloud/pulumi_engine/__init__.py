"""Pulumi's own engine on the emulated AWS: the provider over gRPC (`server`), the engine by the Automation API."""
