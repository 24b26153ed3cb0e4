"""What runs inside the sandbox: process 1 (`init`), and the short-lived children it forks for files."""
