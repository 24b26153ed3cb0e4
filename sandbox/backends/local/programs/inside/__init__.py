"""What runs inside the sandbox: process 1 (`init`) and the children it forks for files."""
