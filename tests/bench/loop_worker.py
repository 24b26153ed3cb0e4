"""The agent's process as it is shipped, but for its backend: commands are plain child processes."""

from agent.__main__ import main
from sandbox import backend
from tests.bench.spawning_backend import backend_for

if __name__ == "__main__":
    backend.backend_for = backend_for
    main()
