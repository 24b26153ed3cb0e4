"""Owns the questions about who is who: `auth.test`, `users.info`, `bots.info`, `team.info`."""

from local.slack import shapes
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.state import Json


def auth_test(call: Call) -> Json:
    state = call.state
    return {
        "url": f"{call.ws.base_url}/",
        "team": state.team.name,
        "user": state.bot.name,
        "team_id": state.team.id,
        "user_id": state.bot.id,
        "bot_id": state.bot_id,
        "is_enterprise_install": False,
    }


def api_test(call: Call) -> Json:
    error = call.args.text("error")
    if error:
        raise SlackError(error, args=call.args.values)
    return {"args": call.args.values}


def users_info(call: Call) -> Json:
    return {"user": shapes.user_json(call.state, call.user())}


def bots_info(call: Call) -> Json:
    if call.args.text("bot") not in (None, call.state.bot_id):
        raise SlackError("bot_not_found")
    return {"bot": shapes.bot_profile(call.state)}


def team_info(call: Call) -> Json:
    team = call.state.team
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain}}


def connections_open(call: Call) -> Json:
    """The address of a Socket Mode connection: used once, within a minute."""
    if not call.ws.manifest.settings.socket_mode_enabled:
        raise SlackError("socket_mode_not_enabled")
    base = call.ws.base_url.replace("http://", "ws://", 1)
    return {"url": f"{base}/link/?ticket={call.ws.sockets.issue_ticket()}"}
