"""Owns what one task does with its session's repository: have it there, commit, tell of it.

A task whose people named none asks once whether the session has one, and needs no sandbox for it.
"""

from collections.abc import Awaitable, Callable

from restate import WorkflowContext

from agent import events, settings
from agent import protocol as p
from agent.child import Child
from agent.reading import Reading
from agent.repositories import inside, naming, record
from agent.repositories.committing import Commit
from agent.repositories.fetching import BringRequest, Brought, bring
from agent.repositories.naming import Named, Unclear
from agent.repositories.record import Record
from sandbox.client import Lease
from sandbox.protocol import SandboxRef

TRIES = 3


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
        self._note = ""
        """What people were told of where the project goes on from."""
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
        return " ".join(part for part in (about, self._note, self.problem) if part)

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
        self._note = brought.note or self._note
        if brought.record.repository is not None:
            self._record = brought.record
        if brought.problem:
            self._tell(brought.problem)
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
            sandbox=lease.ref,
            fence=fence,
            message=inside.message("Unfinished work", "", self._reading.requester),
        )
        call = self._ctx.service_call(bring, request)
        brought = await self._child.run(call, until=self._reading.seen + 1)
        return None if self._child.interrupted else brought

    async def commit(
        self,
        fence: int,
        step: p.PlanStep,
        goal: str,
        sandbox: SandboxRef,
        *,
        stopping: bool = False,
    ) -> bool:
        """Keep what a finished step changed as one commit; nothing changed, nothing committed.

        A stop that comes meanwhile waits a moment for it: what is left uncommitted would be part of
        somebody's next commit.

        Args:
            sandbox: where the step ran.
            stopping: the task is being stopped: at once, there, or not at all.

        Returns:
            False when the files went back to a time before the step.

        Raises TerminalError also when cancelled, after the commit.
        """
        ours = self.record.repository
        if ours is None or not self._there:
            return True
        self._commits += 1
        script = inside.commit(inside.message(step.title, goal, self._reading.requester))
        script += inside.beside(ours.name, self.record.base)
        name = f"commit {self._commits}"
        commit = Commit(self._ctx, name, script, fence, self._acquire, sandbox, stopping)
        problem = await commit.make()
        if problem:
            title = inside.one_line(step.title, 60)
            self._tell(f"What “{title}” changed was not committed: {problem}.")
        if commit.cancel is not None:
            raise commit.cancel
        return not commit.rolled_back

    def _tell(self, problem: str) -> None:
        self.problem = problem
        slot = f"note:{self._ctx.key()}:repository {self._read_to}.{self._tries}.{self._commits}"
        events.show(self._ctx, self._thread, slot, 1, p.NoteBody(text=problem))


def _title(messages: list[p.HistoryEntry]) -> str:
    """What people want, without where: names our branch."""
    first = min(messages, key=lambda message: message.seq).text
    return naming.without_names(first)
