"""Owns the questions about who is who: `auth.test`, `users.info`, `bots.info`, `team.info`,
`usergroups.*`.
"""

from local.slack import shapes
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.state import Json, UserGroup


def auth_test(call: Call) -> Json:
    """An org-wide token names the organisation where others name the team."""
    install, org = call.install, call.install.org
    home = install.team if org is None else org
    return {
        "url": f"{call.ws.base_url}/",
        "team": home.name,
        "user": install.bot.name,
        "team_id": home.id,
        "user_id": install.bot.id,
        "bot_id": install.bot_id,
        "is_enterprise_install": org is not None,
        **({} if org is None else {"enterprise_id": org.id}),
    }


def api_test(call: Call) -> Json:
    error = call.args.text("error")
    if error:
        raise SlackError(error, args=call.args.values)
    return {"args": call.args.values}


def users_info(call: Call) -> Json:
    return {"user": shapes.user_json(call.state, call.user())}


def bots_info(call: Call) -> Json:
    bot_id = call.args.text("bot") or call.install.bot_id
    if bot_id not in call.state.bots:
        raise SlackError("bot_not_found")
    return {"bot": shapes.bot_profile(call.state, bot_id)}


def team_info(call: Call) -> Json:
    """Of the token's own team; an org-wide token, or the other end of a channel, may name one."""
    named = call.args.text("team") or call.install.team.id
    team = call.state.teams.get(named)
    if team is None:
        raise SlackError("team_not_found")
    org = call.state.org
    enterprise = {} if org is None else {"enterprise_id": org.id, "enterprise_name": org.name}
    shown: Json = {"id": team.id, "name": team.name, "domain": team.domain, **enterprise}
    return {"team": shown}


def usergroups_list(call: Call) -> Json:
    call.require_team()
    with_users = call.args.flag("include_users")
    groups = call.state.groups.values()
    return {"usergroups": [_group_json(call, one, with_users=with_users) for one in groups]}


def usergroups_users(call: Call) -> Json:
    call.require_team()
    group = call.state.groups.get(call.args.required("usergroup", "no_such_subteam"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def _group_json(call: Call, group: UserGroup, *, with_users: bool) -> Json:
    shown: Json = {
        "id": group.id,
        "team_id": call.state.team.id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_delete": 0,
        "user_count": len(group.users),
    }
    return {**shown, "users": list(group.users)} if with_users else shown


def connections_open(call: Call) -> Json:
    """The address of a Socket Mode connection: used once, within a minute."""
    if not call.ws.manifest.settings.socket_mode_enabled:
        raise SlackError("socket_mode_not_enabled")
    base = call.ws.base_url.replace("http://", "ws://", 1)
    return {"url": f"{base}/link/?ticket={call.ws.sockets.issue_ticket()}"}
