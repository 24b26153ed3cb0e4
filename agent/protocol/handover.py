"""Owns handing over a project: the request, and the upload that carries its bytes."""

from agent.protocol.people import Person, ThreadRef, Wire


class DownloadRequest(Wire):
    thread: ThreadRef
    by: Person
    request_id: str
    """Identity of the click, word or command; a repeat posts nothing new."""


class UploadStart(Wire):
    file_name: str
    size_bytes: int
    team: str


class UploadTicket(Wire):
    """Where to POST the raw bytes. The URL is single use and needs no token."""

    file_id: str = ""
    upload_url: str = ""
    problem: str = ""
    """One sentence when Slack takes no such upload; the rest is empty then."""
    blocked: bool = False
    """This workspace takes no such file at all: another way is needed."""


class UploadFinish(Wire):
    file_id: str
    thread: ThreadRef
    title: str
    comment: str
    """Markdown; what the project's plan says may stand in it."""
    mentions: list[str] = []
    """Ids of users and user groups it is for; they are mentioned before the comment."""


class UploadReceipt(Wire):
    ok: bool
    error: str = ""
    """One sentence when Slack refused the file."""
    blocked: bool = False
    """This workspace takes no such file at all: another way is needed."""


class FileRequest(Wire):
    """The bytes of an attachment are wanted."""

    thread: ThreadRef
    file_id: str


class FileTicket(Wire):
    """Where to GET the bytes, for some minutes; or one sentence why there are none."""

    url: str = ""
    name: str = ""
    mimetype: str = ""
    size_bytes: int = 0
    problem: str = ""
