"""Owns how much of a command's output enters the journal and a model's context."""

from sandbox.contract import Backend
from sandbox.protocol import CommandResult, JobState, SandboxRef

SHOWN_BYTES = 16 * 1024
HEAD_BYTES = SHOWN_BYTES * 2 // 5
TAIL_BYTES = SHOWN_BYTES - HEAD_BYTES


async def clipped(
    backend: Backend,
    ref: SandboxRef,
    job_id: str,
    state: JobState,
    also_running: bool,
    offset: int = 0,
) -> CommandResult:
    """What to tell of a job seen in `state`, which holds its first `SHOWN_BYTES` from `offset`.

    The output of a running one only when asked for.
    """
    output, next_offset = "", offset
    if also_running or state.exit_code is not None or state.lost:
        output = await _output(backend, ref, job_id, state, offset)
        is_whole = state.size_bytes - offset <= SHOWN_BYTES
        next_offset = state.next_offset if is_whole else state.size_bytes
    return CommandResult(
        exit_code=state.exit_code,
        output=output,
        output_bytes=state.size_bytes,
        seconds=state.seconds,
        timed_out=state.timed_out,
        cancelled=state.cancelled,
        lost=state.lost,
        log_path=state.log_path,
        next_offset=next_offset,
    )


async def _output(
    backend: Backend, ref: SandboxRef, job_id: str, first: JobState, offset: int
) -> str:
    if first.size_bytes - offset <= SHOWN_BYTES:
        return first.chunk
    tail_from = first.size_bytes - TAIL_BYTES
    tail = (await backend.poll(ref, job_id, tail_from, 0, TAIL_BYTES)).chunk
    head = first.chunk.encode()[:HEAD_BYTES].decode("utf-8", "ignore")
    missing = first.size_bytes - offset - HEAD_BYTES - TAIL_BYTES
    return f"{head}\n[... {missing} bytes left out; the whole log: {first.log_path} ...]\n{tail}"
