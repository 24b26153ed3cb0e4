"""The programs of a local sandbox, run by the machine's own Python as an unprivileged user.

`outside/` is the detached supervisor, one process per sandbox; `inside/` is process 1 of the
sandbox. Both are copied next to the sandboxes before they run, because the user that runs them may
not be able to read this folder. So: standard library only, relative imports only, Python 3.9 or
newer, and nothing imported that is not needed (their start is part of every new sandbox's first
second).
"""
