"""Owns the names: durable services, their handlers, and the shape of each."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from agent.protocol.approval import AnswerReceipt, ApprovalAnswer
from agent.protocol.display import Grant, GrantRequest, TaskStatus, ThreadEvent
from agent.protocol.handover import (
    DownloadRequest,
    UploadFinish,
    UploadReceipt,
    UploadStart,
    UploadTicket,
)
from agent.protocol.people import (
    MessageEdit,
    Nothing,
    SessionCard,
    SessionCards,
    StopRequest,
    UserMessage,
)
from agent.protocol.session import ReadRequest, SessionView, Unread
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


SESSION = "Session"
TASK = "Task"
STEP = "Step"
PLANNING = "Planning"
APPROVAL = "Approval"
PERSON = "Person"
DOWNLOAD = "Download"
THREAD = "Thread"
WORKSPACE = "Workspace"
UPLOAD = "Upload"
ON_MESSAGE = Handler(SESSION, "on_message", UserMessage, Nothing)
ON_EDIT = Handler(SESSION, "on_edit", MessageEdit, Nothing)
STOP = Handler(SESSION, "stop", StopRequest, Nothing)
ON_TASK_DONE = Handler(SESSION, "on_task_done", TaskDone, Nothing)
READ_SESSION = Handler(SESSION, "read", Nothing, SessionView)
READ_UNREAD = Handler(SESSION, "read_unread", ReadRequest, Unread)
TASK_STATUS = Handler(TASK, "status", Nothing, TaskStatus)
ANSWER_APPROVAL = Handler(APPROVAL, "decide", ApprovalAnswer, AnswerReceipt)
SESSIONS_OF_PERSON = Handler(PERSON, "sessions", Nothing, SessionCards)
REMEMBER_SESSION = Handler(PERSON, "remember", SessionCard, Nothing)
RUN_DOWNLOAD = Handler(DOWNLOAD, "run", DownloadRequest, Nothing)
SHOW = Handler(THREAD, "show", ThreadEvent, Nothing)
FLUSH = Handler(THREAD, "flush", Nothing, Nothing)
GRANT = Handler(WORKSPACE, "grant", GrantRequest, Grant)
BEGIN_UPLOAD = Handler(UPLOAD, "begin", UploadStart, UploadTicket)
FINISH_UPLOAD = Handler(UPLOAD, "finish", UploadFinish, UploadReceipt)
