"""What runs outside the sandbox as the same unprivileged user: one supervisor per sandbox."""
