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

    file_id: str
    upload_url: str


class UploadFinish(Wire):
    file_id: str
    thread: ThreadRef
    title: str
    comment: str


class UploadReceipt(Wire):
    ok: bool
    error: str = ""
    """One sentence when Slack refused the file."""
