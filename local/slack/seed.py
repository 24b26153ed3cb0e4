"""Owns who and what is in the workspace at the start, and the credentials of its one app."""

from local.slack.state import Channel, Org, State, Team, User, UserGroup

BOT_TOKEN = "xoxb-local-threadwright"
"""Bolt learns its own bot user only from tokens that look like `xoxb-`."""

SECOND_BOT_TOKEN = "xoxb-other-threadwright"
"""Of the app's installation in the other company, when there is one."""

APP_TOKEN = "xapp-local-threadwright"
SIGNING_SECRET = "local-signing-secret"
VERIFICATION_TOKEN = "local-verification-token"

TEAM = Team("T0LOCAL", "Local", "local")
OTHER_TEAM_ID = "T0OTHER"
OTHER_TEAM = Team(OTHER_TEAM_ID, "Other", "other")
SECOND_TEAM = Team("T0SECOND", "Second", "second")
ORG = Org("E0ORG", "Local Org")
APP_ID = "A0APP"
BOT_ID = "B0BOT"
OTHER_BOT_ID = "B0BOT2"

BOT = User("U0BOT", "threadwright", "Threadwright", TEAM.id, is_bot=True)
OTHER_BOT = User("U0BOT2", "threadwright2", "Threadwright", OTHER_TEAM_ID, is_bot=True)
SLACKBOT = User("USLACKBOT", "slackbot", "Slackbot", TEAM.id, is_bot=True)
ANA = User("U0ANA", "ana", "Ana Alves", TEAM.id)
BEN = User("U0BEN", "ben", "Ben Baker", TEAM.id)
CLEO = User("U0CLEO", "cleo", "Cleo Castro", TEAM.id, is_admin=True)
GUS = User("U0GUS", "gus", "Gus Green", TEAM.id, guest=True)
OTTO = User("U0OTTO", "otto", "Otto", OTHER_TEAM_ID, outsider=True)
DAN = User("U0DAN", "dan", "Dan Dietrich", SECOND_TEAM.id)

REVIEWERS = UserGroup("S0REVIEW", "review", "Reviewers", (BEN.id,))

SHARED = "C0GENERAL"
"""The channel shared with the other company."""


def seeded_state() -> State:
    state = State(TEAM, BOT, BOT_ID, APP_ID)
    for user in (ANA, BEN, CLEO, GUS, OTTO, SLACKBOT):
        state.add_user(user)
    state.groups[REVIEWERS.id] = REVIEWERS
    team = [ANA.id, BEN.id, CLEO.id]
    trio = [ANA.id, BEN.id, BOT.id]
    everyone = [*team, OTTO.id, BOT.id]
    for channel in (
        Channel(SHARED, "general", "channel", everyone, "Company-wide", shared=True),
        Channel("C0BUILD", "build", "channel", [*team, GUS.id, BOT.id], "Where things get built"),
        Channel("C0QUIET", "quiet", "channel", [ANA.id, BEN.id], "No bots here"),
        Channel("C0VAULT", "vault", "group", [*team, BOT.id], "Behind a lock"),
        Channel("G0TRIO", "mpdm-ana--ben--threadwright-1", "mpim", trio),
        *(
            Channel(f"D0{one.name.upper()}", one.name, "im", [one.id, BOT.id])
            for one in (ANA, BEN, CLEO, GUS)
        ),
    ):
        state.add_channel(channel)
    return state


def add_second_team(state: State) -> None:
    """Another workspace of the same organisation, with a channel and a person of its own."""
    state.teams[SECOND_TEAM.id] = SECOND_TEAM
    state.add_user(DAN)
    members = [DAN.id, BOT.id]
    for channel in (
        Channel("C0SECOND", "second", "channel", members, "Another team", team_id=SECOND_TEAM.id),
        Channel("D0DAN", DAN.name, "im", [DAN.id, BOT.id], team_id=SECOND_TEAM.id),
    ):
        state.add_channel(channel)


def add_other_company(state: State) -> None:
    """The company at the other end of the shared channel, which installed the app too."""
    state.teams[OTHER_TEAM.id] = OTHER_TEAM
    state.add_user(OTHER_BOT)
    state.bots[OTHER_BOT_ID] = OTHER_BOT
    members = state.channels[SHARED].members
    if OTHER_BOT.id not in members:
        members.append(OTHER_BOT.id)
