"""The tools on a real sandbox: what a model reads when it calls them well, and when it does not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.tools import registry
from agent.tools.output import TURN_BYTES
from sandbox.backend import current_backend
from tests.integration.agent.workbench import Call, Workbench, running_workbench
from tests.integration.sandbox.driver import running
from tests.polling import until


@pytest.fixture
async def bench(
    tmp_path: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workbench]:
    async with running_workbench(tmp_path, sandboxes, monkeypatch) as running:
        yield running


def write(path: str, content: str) -> Call:
    return "write_file", {"path": path, "content": content}


def sh(command: str, **more: Any) -> Call:
    return "shell", {"command": command, **more}


def read(path: str, offset: int | None = None, limit: int | None = None) -> Call:
    return "read_file", {"path": path, "offset": offset, "limit": limit}


async def test_calls_that_look_are_one_entry_in_order_and_fail_each_by_itself(
    bench: Workbench,
) -> None:
    made, looked, alone = await bench.do(
        [write("a.txt", "one\ntwo\n"), write("src/b.py", "x = 1\n")],
        [
            read("a.txt"),
            read("missing.txt"),
            ("search", {"pattern": "x ="}),
            ("list_files", {"glob": "*.py"}),
            read("../../etc/passwd"),
        ],
        [read("a.txt", 2)],
    )

    assert [r["ok"] for r in made] == [True, True]
    assert [r["ok"] for r in looked] == [True, False, True, True, False]
    assert looked[0] == {"ok": True, "path": "a.txt", "text": "    1  one\n    2  two", "lines": 2}
    assert (looked[1]["error"], looked[1]["detail"]) == ("file", "missing.txt does not exist.")
    assert looked[2]["matches"] == "src/b.py:1: x = 1"
    assert looked[3]["files"] == ["src/b.py"]
    assert "outside of the project" in looked[4]["detail"]
    assert alone[0]["text"] == "    2  two"
    names = await bench.entries()
    assert [n for n in names if n.startswith(("turn 2", "turn 3"))] == [
        "turn 2: read_file, search, list_files",
        "turn 3: call 1: read_file",
    ]


async def test_one_turn_of_looking_is_bounded_in_all(bench: Workbench) -> None:
    line = "z" * 90 + "\n"
    _, looked = await bench.do([write("big.txt", line * 2000)], [read("big.txt")] * 4)

    sizes = [len(str(r)) for r in looked]
    assert sum(sizes) < TURN_BYTES + 5000
    assert sizes[0] > 45_000
    assert "read from offset" in looked[0]["note"]
    assert looked[3]["text"].endswith("too much for one turn; ask for less at a time ...]")


async def test_reading_goes_through_what_is_long_binary_or_odd(bench: Workbench) -> None:
    _, looked, odd = await bench.do(
        [
            sh("seq 1 900000 > long.txt; printf 'a%.0s' $(seq 100000) > line.txt"),
            sh(r"printf 'caf\351\nx\n' > latin.txt; head -c 3000 /dev/zero > zeros; mkfifo pipe"),
            sh("ln -s /etc/passwd link; mkdir folder; ln -s folder flink; : > empty"),
        ],
        [
            read("long.txt", 800000, 2),
            read("long.txt", 900001),
            read("line.txt"),
            read("latin.txt"),
            read("zeros"),
        ],
        [
            read("pipe"),
            read("link"),
            read("folder"),
            read("empty"),
            read("/etc/passwd"),
            read("\0"),
        ],
    )

    assert looked[0]["text"] == "800000  800000\n800001  800001"
    assert looked[0]["note"] == "The file goes on: read from offset 800002."
    assert looked[1]["detail"] == "offset: long.txt has 900000 lines"
    assert looked[2]["text"].endswith("… (98000 characters more)")
    assert looked[3]["text"] == "    1  caf�\n    2  x"
    assert (looked[4]["error"], odd[3]["text"]) == ("binary", "")
    assert [r["detail"] for r in odd[:3]] == [
        "pipe is not a regular file.",
        "link is a link; name the file it points to.",
        "folder is a folder, not a file.",
    ]
    assert "outside of the project" in odd[4]["detail"]
    assert "zero byte" in odd[5]["detail"]


async def test_what_gitignore_names_is_not_listed_or_searched_unless_it_is_named(
    bench: Workbench,
) -> None:
    _, looked = await bench.do(
        [
            write(".gitignore", "*.log\n/build/\n!keep.log\n# no\n\ndocs/**/draft.md\n"),
            write("sub/.gitignore", "secret.txt\n"),
            sh(
                "mkdir -p build sub/build docs/a/b node_modules .git; for f in x.log keep.log"
                " build/o sub/build/o sub/secret.txt secret.txt docs/a/b/draft.md docs/a/ok.md"
                " node_modules/m.js .git/config; do echo needle > $f; done"
            ),
        ],
        [
            ("list_files", {}),
            ("list_files", {"path": "sub"}),
            ("list_files", {"glob": "docs/**/*.{md,txt}"}),
            ("list_files", {"limit": 1}),
            ("search", {"pattern": "NEEDLE", "ignore_case": True, "path": "sub"}),
            ("search", {"pattern": "needle", "path": "x.log"}),
            ("search", {"pattern": "("}),
            ("search", {"pattern": "x", "path": "nowhere"}),
            ("search", {"pattern": "-e foo'; touch hacked; '"}),
        ],
    )

    assert looked[0]["files"] == [
        ".gitignore",
        "docs/a/ok.md",
        "keep.log",
        "secret.txt",
        "sub/.gitignore",
        "sub/build/o",
    ]
    assert looked[1]["files"] == ["sub/.gitignore", "sub/build/o"]
    assert looked[2]["files"] == ["docs/a/ok.md"]
    assert looked[3]["note"].startswith("Not all: there are more than 1.")
    assert looked[4]["matches"] == "sub/build/o:1: needle"
    assert looked[5]["matches"] == "x.log:1: needle"
    assert looked[6]["detail"].startswith("pattern: not a regular expression")
    assert looked[7]["detail"] == "nowhere: No such file or directory"
    assert looked[8] == {"ok": True, "matches": ""}


async def test_search_shows_lines_around_and_parts_of_long_lines(bench: Workbench) -> None:
    rows = "\n".join(f"row {n}" for n in range(1, 21))
    _, looked = await bench.do(
        [write("rows.txt", rows + "\n"), write("min.js", "a" * 5000 + "NEEDLE" + "b" * 5000)],
        [
            ("search", {"pattern": "row (5|6|15)$", "context": 1}),
            ("search", {"pattern": "NEEDLE"}),
        ],
    )

    assert looked[0]["matches"].split("\n") == [
        "rows.txt-4- row 4",
        "rows.txt:5: row 5",
        "rows.txt:6: row 6",
        "rows.txt-7- row 7",
        "--",
        "rows.txt-14- row 14",
        "rows.txt:15: row 15",
        "rows.txt-16- row 16",
    ]
    assert "NEEDLE" in looked[1]["matches"]
    assert len(looked[1]["matches"]) < 400


async def test_a_long_output_is_clipped_and_the_whole_of_it_can_be_read_and_searched(
    bench: Workbench,
) -> None:
    [flood, small], *_ = await bench.do(
        [sh("yes hello | head -c 100M; echo the end"), sh("seq 1 20000; printf 'odd\\000\\377'")]
    )
    log = small["log"]
    [part, found], [archived, files] = await bench.do(
        [read(log, 9000, 2), ("search", {"pattern": "^12345$", "path": log})],
        [sh("du -sm ~/.jobs | cut -f1; git init -q; git status --short"), ("list_files", {})],
        task="later",
    )

    assert len(flood["output"]) < 17_000
    assert flood["output"].endswith("the end\n")
    assert f"bytes left out; the whole log: {flood['log']}" in flood["output"]
    assert small["output"].endswith("odd�")
    assert part["text"].split() == ["9000", "9000", "9001", "9001"]
    assert found["matches"].endswith(":12345: 12345")
    assert int(archived["output"]) < 20  # nothing of a log in the project, and little in all
    assert files["files"] == []


def until_there(file: str) -> str:
    return f"until test -e {file}; do sleep 0.02; done"


async def test_a_background_command_is_watched_by_what_is_new_and_killed(bench: Workbench) -> None:
    job = "task/step/run 1/turn 1: call 1"
    begun, first, nothing, killed, other = await bench.do(
        sh(
            f"echo one; touch begun; {until_there('go')}; echo two; touch gone; sleep 300",
            background=True,
        ),
        [
            sh(until_there("begun")),
            ("job", {"job_id": job, "action": "wait", "wait_s": 1}),
            sh(f"touch go; {until_there('gone')}"),
        ],
        [("job", {"job_id": job, "action": "poll"}), ("job", {"job_id": job, "action": "poll"})],
        ("job", {"job_id": job, "action": "kill"}),
        ("job", {"job_id": "other", "action": "poll"}),
    )

    assert begun[0] == {"ok": True, "job_id": job, "state": "running"}
    assert (first[1]["output"], first[1]["state"]) == ("one\n", "running")
    assert [r["output"] for r in nothing] == ["two\n", ""]
    assert (killed[0]["detail"], killed[0]["ok"]) == ("killed", False)
    assert (other[0]["error"], other[0]["hint"]) == ("unknown_job", job)


async def test_a_patch_changes_all_files_or_none(bench: Workbench) -> None:
    good = (
        "*** Begin Patch\n*** Update File: a.txt\n-one\n+ONE\n*** Add File: new/c.txt\n+c\n"
        "*** Delete File: b.txt\n*** End Patch"
    )
    midway = (
        "*** Begin Patch\n*** Update File: a.txt\n-ONE\n+never\n*** Add File: closed/x\n+x\n"
        "*** End Patch"
    )
    unfit = midway.replace("-ONE", "-TWO")
    heredoc = (
        "cd new && apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: c.txt\n-c\n+C\n"
        "*** End Patch\nEOF\n"
    )
    _, done, failed, refused, shelled, state = await bench.do(
        [write("a.txt", "one\r\ntwo\r\n"), write("b.txt", "b\n"), sh(": > closed")],
        ("apply_patch", {"patch": good}),
        ("apply_patch", {"patch": midway}),
        ("apply_patch", {"patch": unfit}),
        sh(heredoc),
        sh("cat -A a.txt new/c.txt; ls"),
    )

    assert (done[0]["written"], done[0]["deleted"]) == (["a.txt", "new/c.txt"], ["b.txt"])
    assert failed[0]["detail"] == "closed/x cannot be used: File exists."
    assert failed[0]["hint"].startswith("Nothing was changed.")
    assert "hunk 1 does not fit" in refused[0]["detail"]
    assert (shelled[0]["written"], shelled[0]["note"]) == (["new/c.txt"], "apply_patch is a tool.")
    assert state[0]["output"] == "ONE^M$\ntwo^M$\nC$\na.txt\nclosed\nnew\n"


async def test_an_edit_that_does_not_fit_is_told_the_nearest_lines(bench: Workbench) -> None:
    code = "def area(w, h):\n    total = w * h\n    return total\n"

    def edit(old: str, new: str = "x", **more: Any) -> Call:
        return "edit_file", {"path": "a.py", "old": old, "new": new, **more}

    _, edits, crlf = await bench.do(
        [write("a.py", code), write("w.txt", "a\r\nb\r\n")],
        [
            edit("  total = w*h\n  return total"),
            edit("totl = w * h"),
            edit("nothing like it at all"),
            edit("total"),
            edit("total", "sum", replace_all=True),
            edit(""),
        ],
        [("edit_file", {"path": "w.txt", "old": "a\nb", "new": "c\nd"}), sh("cat -A w.txt")],
    )

    assert edits[0]["hint"].startswith("It is there but for its blanks:\n2:     total = w * h\n3: ")
    assert edits[1]["hint"].startswith("The nearest lines are:\n2:     total = w * h")
    assert edits[2]["hint"].startswith("Nothing in it is like")
    assert (edits[3]["error"], edits[4]["replaced"]) == ("many_matches", 2)
    assert edits[5]["error"] == "bad_arguments"
    assert (crlf[0]["ok"], crlf[1]["output"]) == (True, "c^M$\nd^M$\n")


async def test_bad_calls_are_answered_in_a_sentence_and_change_nothing(bench: Workbench) -> None:
    ((*bad,),) = await bench.do(
        [
            ("fly", {}),
            ("shell", '{"command": "echo'),
            ("shell", "[]"),
            ("shell", {"command": ["ls"]}),
            ("shell", {"command": "true", "timeout_s": 601}),
            ("shell", {"command": "true", "timeout_s": "soon"}),
            ("shell", {"command": "true", "shell": "zsh"}),
            ("shell", {"command": "  \n"}),
            ("shell", {"command": "echo a\0b"}),
            ("shell", {"command": "echo " + "x" * 300_000}),
            ("write_file", {"path": "big", "content": "x" * 1_100_000}),
            write("/etc/passwd", "x"),
            write("../x", "x"),
            write("a\0b", "x"),
            write("", "x"),
            ("apply_patch", {"patch": "*** Begin Patch\n*** Delete File: ../../x\n*** End Patch"}),
            ("write_file", '{"path": "a", "content": "\\ud800"}'),
        ]
    )
    [after] = (await bench.do(sh("ls -A")))[0]

    assert [r["ok"] for r in bad] == [False] * len(bad)
    assert all(r["detail"] and len(r["detail"]) < 500 for r in bad)
    assert bad[0]["hint"].startswith("Tools: shell, job, read_file,")
    assert bad[3]["detail"] == "command: Input should be a valid string"
    assert bad[4]["detail"] == "timeout_s: must be 1 to 600"
    assert "shell: Extra inputs are not permitted" in bad[6]["detail"]
    assert [r["error"] for r in bad[7:11]] == ["bad_arguments"] * 4
    assert after["output"] == ""


async def test_a_command_that_waits_for_input_ends_and_terminal_codes_are_gone(
    bench: Workbench,
) -> None:
    ((waits, late, codes),) = await bench.do(
        [
            sh("read -p 'Sure? ' x; echo \"got '$x'\"; cat; python3 -c 'input()'"),
            sh("echo begun; sleep 30", timeout_s=2),
            sh(
                r"printf '\033[31mred\033[0m \033]0;title\007ok\r\n10%%\r50%%\r100%%\n\007a\000b\n'"
            ),
        ]
    )

    assert "got ''" in waits["output"]
    assert "EOFError" in waits["output"]
    assert (late["exit_code"], late["detail"], late["output"]) == (
        124,
        "stopped after 2 s",
        "begun\n",
    )
    assert codes["output"] == "red ok\n100%\nab\n"


async def test_a_sandbox_that_is_lost_while_looking_is_told_by_every_call(
    bench: Workbench,
) -> None:
    endless = {"pattern": "(a+)+b", "path": "a.txt"}
    calls = asyncio.create_task(
        bench.do([write("a.txt", "a" * 60)], [("search", endless), read("a.txt")], read("a.txt"))
    )
    await until(lambda: running("(a+)+b") > 0)
    for found in await current_backend().running():
        await current_backend().end(found)
    _, looked, after = await calls

    assert [r["error"] for r in looked] == ["sandbox_restarted"] * 2
    assert "started anew" in looked[0]["detail"]
    assert after[0]["ok"]


async def test_looking_replays_the_same_when_every_await_suspends(
    tmp_path: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_workbench(tmp_path, sandboxes, monkeypatch, replay_always=True) as bench:
        _, looked = await bench.do(
            [write("a.txt", "kept\n")],
            [read("a.txt"), ("search", {"pattern": "kept"}), ("list_files", {})],
        )
    assert [r["ok"] for r in looked] == [True, True, True]


async def test_the_tool_of_the_documentation_works(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path("docs/tools.md").read_text("utf-8")
    written: dict[str, Any] = {"__name__": "count_lines"}
    exec(text.split("```python\n")[1].split("```")[0], written)
    tool = written["COUNT"]
    monkeypatch.setitem(registry.TOOLS, tool.name, tool)

    _, counted = await bench.do(
        [write("a.txt", "one\n\ntwo\n")],
        [
            (tool.name, {"path": "a.txt"}),
            (tool.name, {"path": "a.txt", "blank": True}),
            (tool.name, {"path": "b.txt", "blank": None}),
        ],
    )

    assert [r.get("lines") for r in counted] == [2, 3, None]
    assert counted[2]["error"] == "file"
