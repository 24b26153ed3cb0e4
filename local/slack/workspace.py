"""Owns how the parts of the workspace are put together; every handler gets this one object."""

from local.slack import seed
from local.slack.calls import CallLog
from local.slack.deliveries import Deliveries
from local.slack.faults import Faults
from local.slack.feed import Feed
from local.slack.limits import Limits
from local.slack.manifest import Manifest
from local.slack.sockets import Sockets
from local.slack.tickets import ResponseTarget, TicketOffice, Trigger


class Workspace:
    """One workspace with one app installed in it.

    Args:
        manifest: what the app declares; scopes and events are checked against it.
        limits: how long acknowledgements, triggers and response URLs are waited for.
    """

    def __init__(self, manifest: Manifest, limits: Limits) -> None:
        self.manifest = manifest
        self.limits = limits
        self.base_url = ""
        """Known once the server listens: `http://127.0.0.1:8601`."""

        self.state = seed.seeded_state()
        self.feed = Feed()
        self.faults = Faults()
        self.calls = CallLog()
        self.sockets = Sockets(self.state.app_id)
        self.deliveries = Deliveries(self.sockets, self.faults, limits)
        self.triggers: TicketOffice[Trigger] = TicketOffice(limits.trigger_seconds)
        self.responses: TicketOffice[ResponseTarget] = TicketOffice(
            limits.response_url_seconds, limits.response_url_uses
        )
        self.uploads: TicketOffice[str] = TicketOffice(seconds=3600)
        """File ids by the ticket in their upload URL."""

        self.mentions_sent = 0
        self.bot_token = seed.BOT_TOKEN
        self.app_token = seed.APP_TOKEN
        self.signing_secret = seed.SIGNING_SECRET

    @property
    def api_url(self) -> str:
        return f"{self.base_url}/api/"
