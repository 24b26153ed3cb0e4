"""Owns what one task does with its session's repository: have it there, commit, tell of it.

A task whose people named none asks once whether the session has one, and needs no sandbox for it.
"""

from collections.abc import Awaitable, Callable

from restate import TerminalError, WorkflowContext

from agent import events, settings
from agent import protocol as p
from agent.child import Child
from agent.files import as_terminal
from agent.reading import Reading
from agent.repositories import inside, naming, record
from agent.repositories.fetching import BringRequest, Brought, bring
from agent.repositories.naming import Named, Unclear
from agent.repositories.record import Record
from agent.secrets import redact
from sandbox.client import Lease, SandboxClient
from sandbox.errors import SandboxError, SandboxGone, Unreachable
from sandbox.protocol import Command

TRIES = 3
COMMIT_SECONDS = 120


class _Said(p.Wire):
    """What people's messages name, as read once and journaled: the host is a setting."""

    named: Named | None = None
    problem: str = ""


class Repository:
    """Rebuilt by replay like the task that holds it.

    Args:
        acquire: takes the session's sandbox, and notes when it was rolled back.
        child: what the task has under way; a message interrupts a fetch through it.
    """

    def __init__(
        self,
        ctx: WorkflowContext,
        thread: p.ThreadRef,
        reading: Reading,
        acquire: Callable[[], Awaitable[Lease]],
        child: Child,
    ) -> None:
        self._ctx = ctx
        self._thread = thread
        self._reading = reading
        self._acquire = acquire
        self._child = child
        self._record: Record | None = None
        self._read_to = -1
        self._said = _Said()
        self._there = False
        self._tries = 0
        self._commits = 0
        self.problem = ""
        """One sentence: why what people named is not in the project."""
        self.lost = False
        """The project may have gone back to a time before it was there."""

    @property
    def record(self) -> Record:
        """Empty when the session has no repository."""
        return self._record or Record()

    def describe(self) -> str:
        """For planner and worker: what the project is, or why not; empty without a repository."""
        it = self.record
        if it.repository is None:
            return self.problem
        about = f"{it.repository.full_name}, branch {it.branch}, from {it.base} at "
        about = f"The project is the repository {about}{it.base_commit[:7]}."
        if it.pull_request:
            about += f" Its pull request: {it.pull_request}"
        return f"{about} {self.problem}".strip()

    async def take_in(self, fence: int) -> bool:
        """Have the repository in the project that people named, in this task or an earlier one.

        Cheap to repeat. Returns False when a message came first.
        """
        if self._record is None:
            self._record = await self._ctx.object_call(record.read, self._thread.key, p.Nothing())
        await self._read_messages()
        wanted = self.record.repository or self._said.named
        if wanted is None or (self._there and not self.lost):
            return True
        for _ in range(TRIES):
            brought = await self._bring(wanted, fence)
            if brought is None:
                return False
            if not brought.lost:
                break
        else:
            brought = Brought(problem="The sandbox was lost again and again.")
        self._there, self.lost = True, False  # a problem is told once, not at every step
        if brought.problem:
            self._tell(brought.problem)
        else:
            self._record = brought.record
        return True

    async def _read_messages(self) -> None:
        """Whatever people wrote since: another wish, or one that cannot be met."""
        if self._reading.seen == self._read_to:
            return
        self._read_to = self._reading.seen
        texts = [m.text for m in self._reading.messages]
        place = f"repository named by message {self._read_to}"

        async def read() -> _Said:
            said = naming.newest(texts, settings.current().github_url)
            if isinstance(said, Unclear):
                return _Said(problem=said.problem)
            return _Said(named=said)

        said = await self._ctx.run_typed(place, read)
        if said == self._said:
            return
        self._said = said
        self.problem = ""
        ours = self.record.repository
        if said.problem:
            self._tell(said.problem)
        elif ours is not None and said.named is not None and not said.named.is_same(ours):
            self._tell(
                f"This thread works on {ours.full_name}; {said.named.full_name} needs a thread of "
                "its own."
            )
        elif ours is None:
            self._there = False

    async def _bring(self, named: Named, fence: int) -> Brought | None:
        lease = await self._acquire()
        self._tries += 1
        request = BringRequest(
            task=self._ctx.key(),
            number=self._tries,
            thread=self._thread,
            named=named,
            title=_title(self._reading.messages),
            known=self.record,
            sandbox=lease.ref,
            fence=fence,
        )
        call = self._ctx.service_call(bring, request)
        brought = await self._child.run(call, until=self._reading.seen + 1)
        return None if self._child.interrupted else brought

    async def commit(self, fence: int, step: p.PlanStep, goal: str) -> None:
        """Keep what a finished step changed as one commit; nothing changed, nothing committed."""
        ours = self.record.repository
        if ours is None or not self._there:
            return
        self._commits += 1
        title = step.title
        script = inside.commit(inside.message(title, goal, self._reading.requester))
        script += inside.beside(ours.name, self.record.base)
        for attempt in range(1, TRIES + 1):
            place = f"commit {self._commits}, try {attempt}"
            box = SandboxClient(self._ctx, (await self._acquire()).ref, fence, clean=redact)
            try:
                job = f"{self._ctx.key()}/{place}"
                command = Command(command=script, timeout_seconds=COMMIT_SECONDS)
                done = await box.run(place, job, command)
            except (SandboxGone, Unreachable):
                continue
            except SandboxError as error:
                raise as_terminal(error) from error
            if not done.lost:
                break
        else:
            raise TerminalError("The sandbox was lost again and again.")
        if done.exit_code != 0 or "unmerged" in done.output:
            why = "a merge is not finished" if "unmerged" in done.output else "git refused it"
            self._tell(f"What “{inside.one_line(title, 60)}” changed was not committed: {why}.")

    def _tell(self, problem: str) -> None:
        self.problem = problem
        slot = f"note:{self._ctx.key()}:repository {self._read_to}.{self._tries}.{self._commits}"
        events.show(self._ctx, self._thread, slot, 1, p.NoteBody(text=problem))


def _title(messages: list[p.HistoryEntry]) -> str:
    """What people want, without where: names our branch."""
    first = min(messages, key=lambda message: message.seq).text
    return naming.without_names(first)
