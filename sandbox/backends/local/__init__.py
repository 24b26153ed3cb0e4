"""Sandboxes on this machine, by bubblewrap.

`backend.py` implements the contract; each call is one request to the supervisor of a sandbox
(`requests.py`), which `launcher.py` starts when nobody answers. What the supervisor and process 1
of the sandbox do is in `programs/`. Supervisors and everything below them run as an unprivileged
user, also when the worker is root.

The wall is the kernel's: namespaces, no capabilities, a system call filter, no network. A kernel
bug can break it, so this backend is for one person's or one team's own agent, not for strangers.
"""
