"""What a sandbox cannot do: it is tried, fails, and is done another way or not at all."""

import re

from local.model.script import Script, Work, finish, shell, step, turn, write

_TOPIC = re.compile(r"\bdeploy\b", re.IGNORECASE)
_FAR = re.compile(r"\bmoon\b", re.IGNORECASE)
_SEND = "python3 -c \"import socket; socket.create_connection(('moon.example', 443), 5)\""
_PACK = "tar -czf package.tar.gz package && tar -tzf package.tar.gz"

GOAL = "The project is deployed"
PLAN = ["deploy.pack", "deploy.send"]
OTHER_WAY = ["deploy.hand_over"]
NO_WAY = (
    "The package is ready, but nothing leaves this sandbox: there is no way out to where it should "
    "go. Download the project and deploy it from a machine that can reach it."
)


def wanted(text: str) -> bool:
    return bool(_TOPIC.search(text))


def other_way(text: str) -> list[str]:
    """Steps in place of the one that failed; none to where nobody can carry it."""
    return [] if _FAR.search(text) else OTHER_WAY


@step(
    "deploy.pack",
    "Pack what is to be deployed",
    "Put the files into one archive.",
    "the archive can be listed",
)
def pack(_: Work) -> Script:
    seen = yield turn(
        write("package/index.html", "<!doctype html><title>Hello</title><p>Hello, moon.\n"),
        shell(_PACK),
        think="First one archive of what is to be sent.",
    )
    summary = "package.tar.gz is packed." if seen.last.passed else "It could not be packed."
    outcome = "done" if seen.last.passed else "failed"
    yield turn(finish(summary, ["package.tar.gz"], [_PACK] if seen.last.passed else [], outcome))


@step(
    "deploy.send",
    "Send it there",
    "Open a connection to the target and send the archive.",
    "the target has the archive",
)
def send(_: Work) -> Script:
    seen = yield turn(shell(_SEND), think="Can the target be reached from here at all?")
    if not seen.last.passed:
        yield turn(finish("The target cannot be reached from this sandbox.", outcome="failed"))
    yield turn(finish("The target answers.", [], [_SEND]))


@step(
    "deploy.hand_over",
    "Write down how to deploy it from elsewhere",
    "People can reach the target: tell them how to send the archive.",
    "DEPLOY.md says it",
)
def hand_over(_: Work) -> Script:
    path = "DEPLOY.md"
    text = (
        "# Deploying\n\nDownload the project, then copy `package.tar.gz` to the target and unpack "
        "it there:\n\n    tar -xzf package.tar.gz\n"
    )
    yield turn(write(path, text), think="I cannot get there, but people can.")
    summary = "It is packed but not sent, as nothing leaves this sandbox. DEPLOY.md says how to."
    yield turn(finish(summary, [path]))
