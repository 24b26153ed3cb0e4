"""`make bench`: run every measurement, print the table, write `bench.json`."""

import asyncio
import json
from pathlib import Path

from tests.bench import (
    durable_commands,
    engine,
    loop,
    memory,
    modal_sandboxes,
    sandboxes,
    slack,
    snapshots,
    threads,
)

TARGETS = {
    "loop_turn_over_bare_ratio": "≤ 2.2",
    "loop_turn_100_over_10_ratio": "≤ 1.5",
    "loop_ten_turns_over_langgraph_ratio": "≥ 1.8",
    "loop_cpu_over_langgraph_ratio": "≤ 0.65",
    "loop_journal_over_payload_ratio": "≤ 1.5",
    "loop_journal_second_half_over_first_ratio": "≤ 1.1",
    "loop_disk_bytes_per_turn": "≤ 4096",
    "loop_resume_ms_40_turns": "≤ 1000",
    "rss_mb_loop": "≤ 100",
    "step_overhead_ratio": "≤ 1.5",
    "eyes_ms_p50": "< 1000",
    "plan_ms_p50": "< 1500",
    "interrupt_dead_ms_p95": "< 500",
    "sandbox_first_command_ms_p50": "< 150",
    "command_overhead_ms_p50": "< 15",
    "command_overhead_durable_ms_p50": "< 15",
    "snapshot_over_tar_ratio": "≤ 1.3",
    "restore_over_tar_ratio": "≤ 1.3",
    "slack_calls_six_steps": "≤ 15",
    "event_ack_ms_p99": "< 300",
    "events_lost": "0",
    "events_doubled": "0",
    "storm_wrong": "0",
    "rss_mb_agent": "≤ 100",
    "memory_message_growth": "≤ 1.5",
    "memory_prompt_kb_task_100": "≤ 25",
    "memory_largest_value_kb": "< 256",
}
OUTPUT = Path("bench.json")


async def measure() -> dict[str, float]:
    return {
        **await loop.measure(),
        **await engine.measure(),
        **await sandboxes.measure(),
        **await durable_commands.measure(),
        **await snapshots.measure(),
        **await modal_sandboxes.measure(),
        **await threads.measure(),
        **await slack.measure(),
        **await memory.measure(),
    }


def main() -> None:
    figures = {name: round(value, 3) for name, value in asyncio.run(measure()).items()}
    for name, value in figures.items():
        print(f"{name:42} {value:>10.2f}   {TARGETS.get(name, '')}")
    OUTPUT.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
