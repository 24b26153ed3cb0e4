"""Real bash, that says what a command runs, and commands to ask it about."""
