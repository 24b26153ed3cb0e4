"""Owns the names: durable services, their handlers, and the shape of each."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from agent.protocol.approval import AnswerReceipt, ApprovalAnswer, ApprovalView
from agent.protocol.display import Grant, GrantRequest, TaskStatus, ThreadEvent
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
from agent.protocol.session import ReadRequest, SessionView, Unread, Waiting
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
APPROVAL = "Approval"
PERSON = "Person"
PREFERENCES = "Preferences"
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
READ_SESSION = Handler(SESSION, "read", Nothing, SessionView)
READ_UNREAD = Handler(SESSION, "read_unread", ReadRequest, Unread)
TASK_STATUS = Handler(TASK, "status", Nothing, TaskStatus)
ANSWER_APPROVAL = Handler(APPROVAL, "decide", ApprovalAnswer, AnswerReceipt)
PEEK_APPROVAL = Handler(APPROVAL, "peek", Nothing, ApprovalView)
SESSIONS_OF_PERSON = Handler(PERSON, "sessions", Nothing, SessionCards)
REMEMBER_SESSION = Handler(PERSON, "remember", SessionCard, Nothing)
READ_PREFERENCES = Handler(PREFERENCES, "read", Nothing, PreferencesView)
SAVE_PREFERENCES = Handler(PREFERENCES, "save", SavePreferences, SaveReceipt)
RUN_DOWNLOAD = Handler(DOWNLOAD, "run", DownloadRequest, Nothing)
SHOW = Handler(THREAD, "show", ThreadEvent, Nothing)
FLUSH = Handler(THREAD, "flush", Nothing, Nothing)
GRANT = Handler(WORKSPACE, "grant", GrantRequest, Grant)
BEGIN_UPLOAD = Handler(UPLOAD, "begin", UploadStart, UploadTicket)
FINISH_UPLOAD = Handler(UPLOAD, "finish", UploadFinish, UploadReceipt)
READ_THREAD = Handler(READER, "read_thread", ReadThread, Nothing)
OPEN_FILE = Handler(FILES, "open", FileRequest, FileTicket)
