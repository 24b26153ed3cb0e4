"""Owns serving a listener with a bounded number of threads, whoever is at the other end."""

from __future__ import annotations

import socket
import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Handle = Callable[[socket.socket], None]

BACK_OFF_SECONDS = 1.0
"""When the machine is out of descriptors or threads: accepting at once again would spin."""


def serve_in_background(
    listener: socket.socket, handle: Handle, slots: threading.Semaphore
) -> None:
    """Each connection in a thread of its own; those beyond the slots wait to be accepted."""
    threading.Thread(target=_serve, args=(listener, handle, slots), daemon=True).start()


def _serve(listener: socket.socket, handle: Handle, slots: threading.Semaphore) -> None:
    while True:
        slots.acquire()
        connection = None
        try:
            connection, _ = listener.accept()
            arguments = (connection, handle, slots)
            threading.Thread(target=_handle, args=arguments, daemon=True).start()
        except (OSError, RuntimeError) as error:
            slots.release()
            if connection is not None:
                connection.close()
            sys.stderr.write(f"a connection was not served: {error}\n")
            time.sleep(BACK_OFF_SECONDS)


def _handle(connection: socket.socket, handle: Handle, slots: threading.Semaphore) -> None:
    try:
        with connection:
            handle(connection)
    except OSError:
        pass  # the other side went away
    finally:
        slots.release()
