"""Owns `open_preview`: a server in the sandbox, and a link for people to open it with.

The server that it starts belongs to the preview (`agent.previews`): it outlives the step and the
task, and ends with the link.
"""

import asyncio
import shlex
from typing import Annotated

from pydantic import BaseModel, Field

from agent import previews
from agent import protocol as p
from agent.previews import Opening, Shown
from agent.tools.clearing import clear
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.output import one_line, plain
from sandbox.client import Glance, hold
from sandbox.errors import Fatal, Unreachable
from sandbox.protocol import Command

READY_SECONDS = 10
OUTPUT_CHARS = 1500
GRACE_SECONDS = 60
"""A server whose preview nobody ended ends itself this long after its time."""
TITLE_CHARS = 60
PROBE = """
import socket, sys, time
end = time.monotonic() + float(sys.argv[2])
while True:
    for host in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((host, int(sys.argv[1])), 1).close()
            sys.exit(0)
        except OSError:
            pass
    if time.monotonic() >= end:
        sys.exit(1)
    time.sleep(0.05)
"""


class PreviewArguments(Arguments):
    port: Annotated[int, Field(description="Where the server listens.")]
    command: Annotated[
        str | None,
        Field(
            description="Starts the server in the foreground; it is kept running for the preview, "
            "also after this step. null: one that runs already."
        ),
    ] = None
    title: Annotated[str | None, Field(description="What it shows, in a few words.")] = None


class Probe(BaseModel):
    listens: bool
    ended: bool = False


async def open_preview(
    bench: Bench, args: PreviewArguments, place: str, call_id: str
) -> ToolResult:
    if args.command:
        refused = await clear(bench, args.command, ".", place, call_id)
        if refused is not None:
            return refused
    seconds = bench.config.preview_minutes * 60
    id_ = f"{bench.run_id}/{place}"
    opening = Opening(
        id=id_,
        thread=bench.thread,
        task=bench.task,
        title=_title(args.title or f"port {args.port}"),
        port=args.port,
        sandbox=bench.sandbox.ref,
        job=id_ if args.command else "",
        seconds=seconds,
    )
    key = previews.key(bench.thread, args.port)
    bench.say(f"opening a preview of {opening.title}")
    await bench.ctx.object_call(previews.begin, key, opening)
    shown = await _started(bench, args, place, opening)
    if isinstance(shown, ToolResult):
        ending = Shown(id=id_, url="", until=0.0)
        await bench.ctx.object_call(previews.close, key, ending)
        return shown
    until = await bench.ctx.time() + seconds
    await hold(
        bench.ctx, bench.thread.key, previews.holder(args.port), int(seconds) + GRACE_SECONDS
    )
    bench.ctx.object_send(previews.show, key, Shown(id=id_, url=shown, until=until))
    label = f"Preview of {opening.title}, until {previews.clock(until)}"
    bench.links.append(p.Link(label=label, url=shown))
    data = {"url": shown, "until": previews.clock(until), "note": "People have the link."}
    return ToolResult(ok=True, data=data)


async def _started(
    bench: Bench, args: PreviewArguments, place: str, opening: Opening
) -> str | ToolResult:
    """The address of what answers, or what is wrong."""
    try:
        url = (await bench.sandbox.expose(f"{place}: expose", args.port)).url
    except Unreachable:
        raise
    except Fatal as error:
        return problem("bad_arguments", f"port: {error}")
    if not args.command:
        probe = await _probe(bench, f"{place}: probe", args.port, READY_SECONDS)
        if probe.listens:
            return url
        hint = "Give command: it starts the server and keeps it running."
        return problem("nothing_listens", f"Nothing answers on port {args.port}.", hint)
    if (await _probe(bench, f"{place}: is it free", args.port, 0)).listens:
        hint = "End what listens there, take another port, or leave out command."
        return problem("port_in_use", f"Something listens on port {args.port} already.", hint)
    limit = int(opening.seconds) + GRACE_SECONDS
    command = Command(command=args.command, timeout_seconds=limit, keep=True)
    await bench.sandbox.start(f"{place}: start", opening.job, command)
    probe = await _probe(bench, f"{place}: probe", args.port, READY_SECONDS, opening.job)
    if probe.listens and not probe.ended:
        return url
    seen = await bench.sandbox.poll(f"{place}: what it said", opening.job, 0.0)
    detail = (
        f"The command ended with exit code {seen.exit_code}; it must stay in the foreground."
        if seen.exit_code is not None
        else f"Nothing answers on port {args.port} after {READY_SECONDS} seconds."
    )
    said = plain(seen.output)[-OUTPUT_CHARS:]
    return problem("nothing_listens", detail, f"It printed: {said or 'nothing'}")


async def _probe(bench: Bench, place: str, port: int, seconds: int, job: str = "") -> Probe:
    """Whether something answers, or does within `seconds` unless the job ends before."""

    async def look(glance: Glance) -> Probe:
        words = ["python3", "-I", "-c", PROBE, str(port), str(seconds)]
        command = Command(command=shlex.join(words), timeout_seconds=seconds + 10)
        probing = asyncio.create_task(glance.run(f"{bench.run_id}/{place}", command))
        ending = asyncio.create_task(glance.has_ended(job, seconds)) if job else None
        try:
            if ending is not None:
                await asyncio.wait({probing, ending}, return_when=asyncio.FIRST_COMPLETED)
                if ending.done() and ending.result():
                    return Probe(listens=False, ended=True)
            return Probe(listens=(await probing).exit_code == 0)
        finally:
            probing.cancel()
            if ending is not None:
                ending.cancel()

    return await bench.sandbox.look(place, look, Probe)


def _title(text: str) -> str:
    """Words that cannot end or break the link they are the label of."""
    return one_line("".join(c for c in text if c not in "[]()`<>|*_"), TITLE_CHARS) or "the project"


PREVIEW = Tool(
    "open_preview",
    "Show people a server of the sandbox in their browser, by a link that ends after a while.",
    PreviewArguments,
    open_preview,
)
