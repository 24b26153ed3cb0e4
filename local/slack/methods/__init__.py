"""The Web API's methods by name, each with the scopes the manifest must grant.

Scopes that depend on the kind of channel (`channels:history` or `im:history`) are asked for inside.
"""

from local.slack.methods import (
    agent_sessions,
    chat,
    conversations,
    directory,
    files,
    reactions,
    streams,
    views,
)
from local.slack.methods.call import Method

METHODS: dict[str, Method] = {
    "agents.sessions.rename": Method(agent_sessions.rename, ("chat:write",)),
    "agents.sessions.setStatus": Method(agent_sessions.set_status, ("chat:write",)),
    "api.test": Method(directory.api_test),
    "apps.connections.open": Method(directory.connections_open, for_app_token=True),
    "assistant.threads.setStatus": Method(agent_sessions.set_status_line, ("chat:write",)),
    "auth.test": Method(directory.auth_test),
    "bots.info": Method(directory.bots_info, ("users:read",)),
    "chat.appendStream": Method(streams.append, ("chat:write",)),
    "chat.delete": Method(chat.delete, ("chat:write",)),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, ("chat:write",)),
    "chat.postMessage": Method(chat.post_message, ("chat:write",)),
    "chat.startStream": Method(streams.start, ("chat:write",)),
    "chat.stopStream": Method(streams.stop, ("chat:write",)),
    "chat.update": Method(chat.update, ("chat:write",)),
    "conversations.history": Method(conversations.history),
    "conversations.info": Method(conversations.info),
    "conversations.list": Method(conversations.list_),
    "conversations.members": Method(conversations.members),
    "conversations.open": Method(conversations.open_),
    "conversations.replies": Method(conversations.replies),
    "files.completeUploadExternal": Method(files.complete_upload, ("files:write",)),
    "files.getUploadURLExternal": Method(files.get_upload_url, ("files:write",)),
    "files.info": Method(files.info, ("files:read",)),
    "reactions.add": Method(reactions.add, ("reactions:write",)),
    "reactions.remove": Method(reactions.remove, ("reactions:write",)),
    "team.info": Method(directory.team_info, ("team:read",)),
    "usergroups.list": Method(directory.usergroups_list, ("usergroups:read",)),
    "usergroups.users.list": Method(directory.usergroups_users, ("usergroups:read",)),
    "users.info": Method(directory.users_info, ("users:read",)),
    "views.open": Method(views.open_),
    "views.publish": Method(views.publish),
    "views.push": Method(views.push),
    "views.update": Method(views.update),
}
