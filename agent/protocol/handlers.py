"""Owns the names: durable services, their handlers, and the shape of each."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from agent.protocol.approval import AnswerReceipt, ApprovalAnswer, ApprovalView
from agent.protocol.display import (
    Grant,
    GrantRequest,
    Spent,
    SpentRequest,
    TaskStatus,
    ThreadEvent,
)
from agent.protocol.handover import (
    DownloadRequest,
    FileRequest,
    FileTicket,
    UploadFinish,
    UploadReceipt,
    UploadStart,
    UploadTicket,
)
from agent.protocol.people import (
    Feedback,
    MessageEdit,
    Nothing,
    ReadThread,
    SessionCard,
    SessionCards,
    StopRequest,
    ThreadSoFar,
    UserMessage,
)
from agent.protocol.preferences import PreferencesView, SavePreferences, SaveReceipt
from agent.protocol.provider import ProviderStanding, SeatRequest, SeatReturn
from agent.protocol.session import (
    LookedUp,
    LookUp,
    ReadRequest,
    SessionView,
    Summarised,
    TranscriptPage,
    TranscriptRequest,
    Unread,
    Waiting,
)
from agent.protocol.spending import Draw, Drawn, Settlement, Spending
from agent.protocol.work import TaskDone

I = TypeVar("I", bound=BaseModel)  # noqa: E741  (input, as in Restate's own API)
O = TypeVar("O", bound=BaseModel)  # noqa: E741


@dataclass(frozen=True)
class Handler(Generic[I, O]):
    """Name and shape of one handler, for callers that must not import the code behind it."""

    service: str
    name: str
    input: type[I]
    output: type[O]


INBOX = "Inbox"
SESSION = "Session"
TASK = "Task"
STEP = "Step"
PLANNING = "Planning"
MEMORY = "Memory"
APPROVAL = "Approval"
PERSON = "Person"
PREFERENCES = "Preferences"
PROVIDER = "Provider"
LEDGER = "Ledger"
DOWNLOAD = "Download"
THREAD = "Thread"
WORKSPACE = "Workspace"
UPLOAD = "Upload"
READER = "Reader"
FILES = "Files"
TAKE_MESSAGE = Handler(INBOX, "take", UserMessage, Nothing)
ON_MESSAGE = Handler(SESSION, "on_message", UserMessage, Nothing)
ON_EDIT = Handler(SESSION, "on_edit", MessageEdit, Nothing)
ON_CONTEXT = Handler(SESSION, "on_context", ThreadSoFar, Nothing)
ON_FEEDBACK = Handler(SESSION, "on_feedback", Feedback, Nothing)
STOP = Handler(SESSION, "stop", StopRequest, Nothing)
ON_WAITING = Handler(SESSION, "on_waiting", Waiting, Nothing)
ON_TASK_DONE = Handler(SESSION, "on_task_done", TaskDone, Nothing)
ON_SUMMARY = Handler(SESSION, "on_summary", Summarised, Nothing)
READ_SESSION = Handler(SESSION, "read", Nothing, SessionView)
READ_UNREAD = Handler(SESSION, "read_unread", ReadRequest, Unread)
LOOK_UP = Handler(SESSION, "look_up", LookUp, LookedUp)
READ_TRANSCRIPT = Handler(SESSION, "transcript", TranscriptRequest, TranscriptPage)
TASK_STATUS = Handler(TASK, "status", Nothing, TaskStatus)
ANSWER_APPROVAL = Handler(APPROVAL, "decide", ApprovalAnswer, AnswerReceipt)
PEEK_APPROVAL = Handler(APPROVAL, "peek", Nothing, ApprovalView)
SESSIONS_OF_PERSON = Handler(PERSON, "sessions", Nothing, SessionCards)
REMEMBER_SESSION = Handler(PERSON, "remember", SessionCard, Nothing)
READ_PREFERENCES = Handler(PREFERENCES, "read", Nothing, PreferencesView)
SAVE_PREFERENCES = Handler(PREFERENCES, "save", SavePreferences, SaveReceipt)
TAKE_SEAT = Handler(PROVIDER, "take_seat", SeatRequest, Nothing)
RETURN_SEAT = Handler(PROVIDER, "return_seat", SeatReturn, Nothing)
LOOK_AT_PROVIDER = Handler(PROVIDER, "look", Nothing, ProviderStanding)
DRAW = Handler(LEDGER, "draw", Draw, Drawn)
SETTLE = Handler(LEDGER, "settle", Settlement, Nothing)
READ_LEDGER = Handler(LEDGER, "read", Nothing, Spending)
RUN_DOWNLOAD = Handler(DOWNLOAD, "run", DownloadRequest, Nothing)
SHOW = Handler(THREAD, "show", ThreadEvent, Nothing)
READ_SPENT = Handler(THREAD, "spent", SpentRequest, Spent)
FLUSH = Handler(THREAD, "flush", Nothing, Nothing)
GRANT = Handler(WORKSPACE, "grant", GrantRequest, Grant)
BEGIN_UPLOAD = Handler(UPLOAD, "begin", UploadStart, UploadTicket)
FINISH_UPLOAD = Handler(UPLOAD, "finish", UploadFinish, UploadReceipt)
READ_THREAD = Handler(READER, "read_thread", ReadThread, Nothing)
OPEN_FILE = Handler(FILES, "open", FileRequest, FileTicket)
