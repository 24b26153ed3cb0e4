"""`python -m local.github --port N`: the double alone, with its samples."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from local.github.server import running_github


async def serve(port: int) -> None:
    with tempfile.TemporaryDirectory(prefix="threadwright-github-") as folder:
        async with running_github(Path(folder), port) as double:
            print(f"repositories at {double.url}", flush=True)
            await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.github", description=__doc__)
    parser.add_argument("--port", type=int, default=8610)
    asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
