"""Owns who and what is in the workspace at the start, and the credentials of its one app."""

from local.slack.state import Channel, State, Team, User

BOT_TOKEN = "xoxb-local-threadwright"
"""Bolt learns its own bot user only from tokens that look like `xoxb-`."""

APP_TOKEN = "xapp-local-threadwright"
SIGNING_SECRET = "local-signing-secret"
VERIFICATION_TOKEN = "local-verification-token"

TEAM = Team("T0LOCAL", "Local", "local")
OTHER_TEAM_ID = "T0OTHER"
APP_ID = "A0APP"
BOT_ID = "B0BOT"

BOT = User("U0BOT", "threadwright", "Threadwright", TEAM.id, is_bot=True)
ANA = User("U0ANA", "ana", "Ana Alves", TEAM.id)
BEN = User("U0BEN", "ben", "Ben Baker", TEAM.id)
OTTO = User("U0OTTO", "otto", "Otto", OTHER_TEAM_ID, outsider=True)


def seeded_state() -> State:
    state = State(TEAM, BOT, BOT_ID, APP_ID)
    for user in (ANA, BEN, OTTO):
        state.add_user(user)
    everyone = [ANA.id, BEN.id, OTTO.id, BOT.id]
    for channel in (
        Channel("C0GENERAL", "general", "channel", everyone, "Company-wide", shared=True),
        Channel("C0BUILD", "build", "channel", [ANA.id, BEN.id, BOT.id], "Where things get built"),
        Channel("C0QUIET", "quiet", "channel", [ANA.id, BEN.id], "No bots here"),
        Channel("D0ANA", "ana", "im", [ANA.id, BOT.id]),
        Channel("D0BEN", "ben", "im", [BEN.id, BOT.id]),
    ):
        state.add_channel(channel)
    return state
