"""`python -m local.model --port 8090`: the scripted demo model as a process of its own."""

import argparse
import asyncio
import signal

from local.model.server import running_model

_REMEMBER = 20  # a demo runs for days; tests keep them all


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.model", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--delay-ms", type=float, default=350, help="pause before each answer")
    parser.add_argument("--chunk-delay-ms", type=float, default=8, help="pause after each piece")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(given: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with running_model(
            given.port,
            delay_ms=given.delay_ms,
            chunk_delay_ms=given.chunk_delay_ms,
            remember=_REMEMBER,
        ) as model:
            print(f"scripted demo model: {model.base_url}", flush=True)
            await stop.wait()
    except OSError as error:
        raise SystemExit(
            f"Port {given.port} cannot be used ({error.strerror}): choose another with --port."
        ) from None


if __name__ == "__main__":
    main()
