"""`python -m local`: the demo. Starts everything, prints one address, streams logs, ends on
Ctrl-C."""

import argparse
import asyncio
import os
import signal
import socket
import sys

from local.cloud import Cloud, Wishes, running_cloud
from local.errors import LocalCloudError
from sandbox.doctor import examine, summary
from sandbox.settings import Settings

WELCOME = """
  Threadwright is running on this machine.

      {url}

  Open it and write in #build:   @threadwright build a to-do CLI with tests
  {model}
  {sandboxes}
  Ctrl-C ends everything.
"""
SCRIPTED = (
    "The model is a scripted demo and its prices are made up. "
    "Set OPENAI_API_KEY to work with a real one."
)
STAND_IN = "They run in a stand-in for Modal. Set MODAL_TOKEN_ID to use Modal itself."
REAL = "The model is real: your OPENAI_API_KEY is in use and calls cost money."


def main() -> None:
    parser = argparse.ArgumentParser(prog="local", description=__doc__)
    parser.add_argument("--port", type=int, default=8600, help="port of the page (8600)")
    wanted = parser.parse_args()
    try:
        refuse_taken(wanted.port)
        asyncio.run(demo(wanted.port))
    except LocalCloudError as error:
        sys.stderr.write(f"demo: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def refuse_taken(port: int) -> None:
    """Raises LocalCloudError when the page's port is not free."""
    if not 0 < port < 65536:
        raise LocalCloudError(f"{port} is not a port: choose one from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalCloudError(
                f"Port {port} is not free ({error.strerror}): end what listens there, "
                f"or run `make demo PORT={port + 100}`."
            ) from None


async def demo(port: int) -> None:
    """Until Ctrl-C, or until a part dies: then LocalCloudError says which."""
    _end_on_signals()
    print("starting…", flush=True)
    try:
        async with running_cloud(Wishes(port=port)) as cloud:
            model = REAL if os.environ.get("OPENAI_API_KEY") else SCRIPTED
            sandboxes = summary(await examine(Settings.load(cloud.settings)))
            if cloud.control_url:
                sandboxes = f"{sandboxes} {STAND_IN}"
            text = WELCOME.format(url=cloud.start_url, model=model, sandboxes=sandboxes)
            print(text, flush=True)
            await _first_death(cloud)
    except asyncio.CancelledError:
        print("ended", flush=True)


def _end_on_signals() -> None:
    """The first Ctrl-C begins the clean end; further ones do not cut it short."""
    loop = asyncio.get_running_loop()
    running = asyncio.current_task()
    assert running is not None
    for signum in (signal.SIGINT, signal.SIGTERM):

        def begin(task: asyncio.Task[None] = running) -> None:
            print("\nending…", flush=True)
            for again in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(again, lambda: None)
            task.cancel()

        loop.add_signal_handler(signum, begin)


async def _first_death(cloud: Cloud) -> None:
    ends = {asyncio.create_task(child.wait()): child for child in cloud.children}
    done, pending = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    dead = ends[done.pop()]
    raise LocalCloudError(f"{dead.name} ended by itself; its last lines are above.")


if __name__ == "__main__":
    main()
