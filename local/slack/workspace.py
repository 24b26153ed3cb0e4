"""Owns how the parts of the workspace are put together; every handler gets this one object."""

from pydantic import BaseModel, ConfigDict

from local.slack import seed
from local.slack.calls import CallLog
from local.slack.deliveries import Deliveries
from local.slack.faults import Faults
from local.slack.feed import Feed
from local.slack.http_mode import HttpSpec, HttpTransport, addresses
from local.slack.installs import Installation, InstallSpec, installations
from local.slack.limits import Limits
from local.slack.manifest import Manifest
from local.slack.rates import RateLimits
from local.slack.sockets import Sockets
from local.slack.tickets import ResponseTarget, TicketOffice, Trigger


class Admin(BaseModel):
    """What an admin of the workspace decided, and what its file host does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file_uploads_disabled: bool = False
    file_types_refused: list[str] = []
    """Endings without the dot: `exe`."""

    refused_optional_scopes: list[str] = []
    """Of the manifest's `bot_optional`; everything else is granted."""

    redirect_files: bool = False
    """Downloads by the app are redirected to another host, which must not get the token."""


class Workspace:
    """One workspace with one app installed in it.

    Args:
        manifest: what the app declares; scopes and events are checked against it.
        limits: how long acknowledgements, triggers and response URLs are waited for.
        install: in one workspace, unless told otherwise.
    """

    def __init__(
        self, manifest: Manifest, limits: Limits, install: InstallSpec | None = None
    ) -> None:
        self.declared = manifest
        self.manifest = manifest
        """What was granted of it."""

        self.limits = limits
        self.base_url = ""
        """Known once the server listens: `http://127.0.0.1:8601`."""

        self.state = seed.seeded_state()
        self.admin = Admin()
        self.installs: list[Installation] = []
        """The first is the own team's or organisation's; empty once the app was removed."""

        self.feed = Feed()
        self.faults = Faults()
        self.rates = RateLimits(limits.rate_pace)
        self.calls = CallLog()
        self.sockets = Sockets(self.state.app_id)
        self.http: HttpTransport | None = None
        self.deliveries = Deliveries(self.sockets, self.faults, limits)
        self.triggers: TicketOffice[Trigger] = TicketOffice(limits.trigger_seconds)
        self.responses: TicketOffice[ResponseTarget] = TicketOffice(
            limits.response_url_seconds, limits.response_url_uses
        )
        self.uploads: TicketOffice[str] = TicketOffice(seconds=3600)
        """File ids by the ticket in their upload URL."""

        self.mentions_sent = 0
        self.tokens_leaked = 0
        """How often the app sent its token to another host."""

        self.bot_token = seed.BOT_TOKEN
        self.app_token = seed.APP_TOKEN
        self.signing_secret = seed.SIGNING_SECRET
        self.install(install or InstallSpec())

    @property
    def api_url(self) -> str:
        return f"{self.base_url}/api/"

    def install(self, spec: InstallSpec) -> None:
        """Install the app so, from now on. Raises Refused when the manifest does not allow it."""
        self.installs = installations(self.state, self.declared, spec)

    def decide(self, admin: Admin) -> None:
        """Raises Refused for a scope that is not optional."""
        self.manifest = self.declared.without_optional(admin.refused_optional_scopes)
        self.admin = admin

    async def use_http(self, spec: HttpSpec) -> None:
        """Deliver over HTTP from now on, once the address has met the challenge. Raises Refused."""
        transport = HttpTransport(addresses(self.manifest, spec))
        try:
            await transport.verify(self.limits.ack_seconds)
        except BaseException:
            await transport.close()
            raise
        if self.http is not None:
            await self.http.close()
        self.http = self.deliveries.transport = transport

    async def close(self) -> None:
        """Long answers first: an open page or socket must not hold up the end."""
        self.feed.close()
        await self.sockets.close()
        await self.deliveries.close()
        if self.http is not None:
            await self.http.close()
