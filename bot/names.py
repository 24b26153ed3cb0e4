"""Owns the names Slack knows our controls by. A test ties them to manifest.yml."""

from typing import Literal

Verb = Literal["download", "stop", "status"]
"""What may be asked of a session from outside its thread."""

COMMAND = "/threadwright"
DOWNLOAD_SHORTCUT = "download_project"
"""Callback id of the message shortcut."""
PICKER = "session_picker"
"""Callback id of the modal that asks which session is meant."""

APPROVE = "approval_approve"
DENY = "approval_deny"
ANSWER = "approval_answer"
"""Followed by `:<number>`: action ids must be unique within a block."""
STOP = "task_stop"
DOWNLOAD = "project_download"
FEEDBACK = "result_feedback"

METADATA_TYPE = "threadwright"
"""Event type of the metadata each of our messages carries: which slot of which thread it shows."""
