"""The machines sandboxes run on. Each folder implements `sandbox.protocol.Backend` and nothing else."""
