"""What runs outside the sandbox as the same unprivileged user: the supervisor, one process per sandbox."""
