"""Stand-ins that are servers behind the real interface, and the real servers tests start
themselves."""
