"""Owns the command `python -m local.slack`: a workspace until it is told to end."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from local.slack.manifest import ManifestError
from local.slack.server import HOST, running_workspace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=8601, help="default: 8601; 0 takes a free one")
    parser.add_argument("--manifest", type=Path, default=Path("manifest.yml"))
    options = parser.parse_args()
    try:
        asyncio.run(_serve(options.port, options.manifest))
    except ManifestError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        place = f"{HOST}:{options.port}"
        print(f"Cannot listen on {place}: {error}. Pass another --port.", file=sys.stderr)
        return 2
    return 0


async def _serve(port: int, manifest: Path) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, ended.set)
    async with running_workspace(port, manifest) as workspace:
        print(f"Slack workspace: {workspace.base_url}/", flush=True)
        print(f"SLACK_API_URL={workspace.api_url}", flush=True)
        await ended.wait()


if __name__ == "__main__":
    sys.exit(main())
