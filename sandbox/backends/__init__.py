"""The machines sandboxes run on; each folder implements `sandbox.contract.Backend`."""
