"""Owns the names Slack knows our controls by. A test ties them to manifest.yml."""

from typing import Literal

Verb = Literal["download", "stop", "status"]
"""What may be asked of a session from outside its thread."""

COMMAND = "/threadwright"
DOWNLOAD_SHORTCUT = "download_project"
STATUS_SHORTCUT = "session_status"
STOP_SHORTCUT = "stop_session"
"""Callback ids of the message shortcuts."""
SESSIONS_SHORTCUT = "my_sessions"
"""Callback id of the global shortcut."""
PREFERENCES = "preferences"
"""Callback id of the modal in which a person or a channel chooses."""
OPEN_PREFERENCES = "open_preferences"
"""The button of App Home that opens it."""
SESSION_MENU = "session_menu"
"""The menu beside each session of App Home; an option's value is `<verb>:<session key>`."""
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
