"""Everyday work behind the wall of the local sandbox; what hostile code tries is in
`tests/attacks/`."""

from tests.integration.sandbox.driver import Box, spec


async def test_usual_tools_work_under_the_filter(box: Box) -> None:
    await box.output(
        "set -e; git init -q .; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x;"
        " python3 -c 'import multiprocessing as m; m.Pool(2).map(abs, [1])';"
        " cat <(echo substitution); python3 -c 'import pty; pty.spawn([\"true\"])'; ps >/dev/null"
    )


async def test_commands_run_when_the_folder_of_logs_is_spoiled(box: Box) -> None:
    await box.output("rm -rf ~/.jobs; ln -s /etc ~/.jobs")

    assert await box.output("echo alive") == "alive\n"


async def test_a_project_closed_to_itself_opens_at_the_next_start(box: Box) -> None:
    await box.run("chmod 000 /project ~")
    assert (await box.run("true")).exit_code == 126
    await box.backend.stop(box.ref)

    again = Box(box.backend, await box.backend.ensure(spec(box.ref.name), box.ref, []))

    assert await again.output("echo open > file; cat file") == "open\n"
