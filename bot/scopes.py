"""Owns why each scope and event of manifest.yml is there. A test compares code, table and file."""

HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
MEMBERS = ("channels:read", "groups:read", "im:read", "mpim:read")

METHOD_SCOPES: dict[str, tuple[str, ...]] = {
    "agents.sessions.setStatus": ("chat:write",),
    "apps.connections.open": (),  # the app-level token's own scope
    "assistant.threads.setStatus": ("chat:write", "assistant:write"),
    "auth.test": (),
    "chat.appendStream": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.members": MEMBERS,
    "conversations.replies": HISTORY,
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
    "views.push": (),
    "views.update": (),
}

EVENT_SCOPES: dict[str, tuple[str, ...]] = {
    "agent_session_stopped": ("chat:write",),
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
    "app_uninstalled": (),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
    "tokens_revoked": (),
}

FEATURE_SCOPES = ("commands",)
"""Slash command and shortcuts."""

OPTIONAL_SCOPES = {
    "files:read": "take in attached files",
    "usergroups:read": "let a user group approve",
}
"""What an admin may refuse, and what then does not work; all else does."""
