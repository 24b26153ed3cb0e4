"""The program inside a Modal sandbox: one process per request, and one keeper per running command.

It is packed with `local/programs/inside/`, whose rules for commands, logs, files and archives it
shares, and unpacked in the sandbox under the digest of its content (see `modal/upload.py`). So:
standard library only, and nothing imported that is not needed.

Unlike on the local backend, what it remembers lies inside the sandbox, where code that means harm
could change it: that code can deceive about itself, and about nothing else.
"""
