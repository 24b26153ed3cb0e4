"""The machines sandboxes run on; each folder implements `sandbox.protocol.Backend`."""
