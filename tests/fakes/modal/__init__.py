"""A strict fake of Modal's control plane, which the unmodified SDK talks to over gRPC.

    async with running_fake(Wishes(creation_burst=3)) as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        client = await modal.Client.from_credentials.aio("ak-fake", "as-fake")
        ...
        fake.fail("SandboxCreateV2", status="ABORTED", after=True)   # done, but the answer is lost
        fake.skip(3600)                                              # an hour later
        assert fake.calls["SandboxCreateV2"] == 1

`Fake` says what else can be seen and done; `python -m tests.fakes.modal` runs it for other
processes, with `admin.py` as the way to do the same over HTTP.

One server carries the client API (`control.py`) and the task command router (`router.py`); the
account behind both (`account.py`) enforces what Modal does: names unique among running sandboxes,
dead ids, lifetimes, idle times, expiring snapshots and tokens, rates, the rules of a request.
Commands run for real, in bubblewrap (`host.py`, `machine.py`): a sandbox has a `/` of its own,
process 1 (`inside/init.py`) starts its commands, and its network is nothing but loopback.

Things it cannot prove: Modal's status codes after a sandbox's death (here: the exec of a handle
that was used before is NOT_FOUND, of a new one FAILED_PRECONDITION), image builds (a definition
counts by its ENV and WORKDIR; programs are the machine's), the consistency of a snapshot.

Use a client of its own per fake (`modal.Client.from_credentials`, then `client=` everywhere): the
one the SDK makes by itself is made once per process. `MODAL_SERVER_URL` is read when a client is
made.
"""

from tests.fakes.modal.fake import Fake, running_fake
from tests.fakes.modal.wishes import Wishes

__all__ = ["Fake", "Wishes", "running_fake"]
