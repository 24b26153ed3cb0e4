"""Owns the fake as a program: `python -m tests.fakes.modal [--port N] [--state DIR]`.

Prints one JSON line when it is ready: `url` for the SDK, `admin` for tests, `environ` to set. Ends
on SIGTERM or SIGINT, with every process it started.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from tests.fakes.modal.admin import serving_admin
from tests.fakes.modal.fake import running_fake
from tests.fakes.modal.wishes import Wishes


async def serve(port: int, admin_port: int, state: Path | None, wishes: Wishes) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        running_fake(wishes, port=port, state=state) as fake,
        serving_admin(fake, admin_port) as admin,
    ):
        ready = {"url": fake.url, "admin": admin, "environ": fake.environ}
        print(json.dumps(ready), flush=True)
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.modal", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="of the gRPC server; 0: a free one")
    parser.add_argument("--admin-port", type=int, default=0, help="of the door for tests")
    parser.add_argument("--state", type=Path, help="an empty folder to keep files in")
    parser.add_argument("--token", help="ID:SECRET, the only pair that is accepted")
    parser.add_argument("--creations-per-second", type=float, default=5.0)
    parser.add_argument("--creation-burst", type=int, default=150)
    arguments = parser.parse_args()
    token_id, _, token_secret = (arguments.token or "").partition(":")
    wishes = Wishes(
        token=(token_id, token_secret) if arguments.token else None,
        creations_per_second=arguments.creations_per_second,
        creation_burst=arguments.creation_burst,
    )
    asyncio.run(serve(arguments.port, arguments.admin_port, arguments.state, wishes))


main()
