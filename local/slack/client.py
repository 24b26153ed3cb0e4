"""Owns looking behind the workspace's curtain from a script or a test, and acting as its people.

async with PeopleClient(workspace.base_url) as people:
    ana = people.person("U0ANA")
    ts = await ana.post("C0BUILD", "@threadwright build a to-do CLI")
"""

from typing import Any

from local.slack.faults import Fault, Weather
from local.slack.http_mode import HttpSpec
from local.slack.installs import InstallSpec
from local.slack.person import Door, Person
from local.slack.rates import RateSpec
from local.slack.state import Json
from local.slack.switches import Parcel
from local.slack.workspace import Admin

__all__ = ["PeopleClient", "Person"]


class PeopleClient:
    """All people of a workspace over one connection pool, and what tests need besides."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self._door = Door(base_url)

    def person(self, user_id: str) -> Person:
        return Person(self._base, user_id, self._door)

    async def inject(self, fault: Fault) -> None:
        """Make the workspace misbehave; see `faults.py`."""
        await self._door.post("/local/faults", fault.model_dump())

    async def clear_faults(self) -> None:
        await self._door.delete("/local/faults")

    async def weather(self, weather: Weather) -> None:
        """What goes wrong in the background from now on, until `clear_weather`."""
        await self._door.post("/local/weather", weather.model_dump())

    async def clear_weather(self) -> Json:
        """What it did, as `weather_report` says."""
        return await self._door.delete("/local/weather")

    async def weather_report(self) -> Json:
        """`done` and `rolled`, by kind."""
        return await self._door.get("/local/weather")

    async def enforce_limits(self, pace: float = 1.0) -> None:
        """Slack's rate limits from now on, so many times as fast."""
        await self._door.post("/local/limits", RateSpec(pace=pace).model_dump())

    async def drop_limits(self) -> None:
        await self._door.post("/local/limits", RateSpec(enforced=False).model_dump())

    async def refused_calls(self) -> dict[str, int]:
        """Calls refused by rate limits since they were set, by method."""
        return dict((await self._door.get("/local/limits"))["refused"])

    async def install(self, spec: InstallSpec) -> None:
        """Install the app anew: in a team, org-wide, or in a second company too."""
        await self._door.post("/local/install", spec.model_dump())

    async def use_http(self, url: str, **paths: str) -> None:
        """Deliver over HTTP from now on. Raises Refused when the app does not meet the challenge.

        Args:
            url: of the app, without a path.
            paths: `events_path`, `interactivity_path`, `commands_path`, `options_path`.
        """
        await self._door.post(
            "/local/http", HttpSpec.model_validate({"url": url, **paths}).model_dump()
        )

    async def decide(self, admin: Admin) -> None:
        """What an admin allows from now on."""
        await self._door.post("/local/admin", admin.model_dump())

    async def tokens_leaked(self) -> int:
        """How often the app sent its token to another host."""
        return int((await self._door.get("/local/admin"))["tokens_leaked"])

    async def deliver(self, envelope: str, payload: Json, **how: Any) -> Json:
        """Send the app any payload, once: `acked`, `answer`, and over HTTP `answers`.

        Args:
            envelope: `events_api`, `interactive` or `slash_commands`.
            payload: maybe one of `samples.py`, maybe spoilt.
            how: `forgery` and `times`, see `Parcel`.
        """
        parcel = Parcel.model_validate({"envelope": envelope, "payload": payload, **how})
        return await self._door.post("/local/deliver", parcel.model_dump())

    async def slackbot_says(
        self, channel: str, text: str, thread_ts: str | None = None, *, user: str = "U0ANA"
    ) -> str:
        """A notice by Slackbot, which `user` can see; its ts."""
        body = {"user": user, "channel": channel, "text": text, "thread_ts": thread_ts}
        return str((await self._door.post("/local/slackbot", body))["ts"])

    async def calls(self, method: str | None = None) -> list[Json]:
        """The app's Web API calls: method, args, ok, error, at."""
        return list((await self._door.get("/local/calls", method=method))["calls"])

    async def call_counts(self) -> dict[str, int]:
        return dict((await self._door.get("/local/calls", method="-"))["counts"])

    async def unacked(self) -> int:
        """Deliveries to the app that are not over yet."""
        return int((await self._door.get("/local/unacked"))["unacked"])

    async def sent(self) -> int:
        """Deliveries that ever went out to the app, repeats included."""
        return int((await self._door.get("/local/unacked"))["sent"])

    async def given_up(self) -> int:
        """Events that the app acknowledged at no try."""
        return int((await self._door.get("/local/unacked"))["given_up"])

    async def connections(self) -> int:
        """Sockets the app has open."""
        return int((await self._door.get("/local/unacked"))["connections"])

    async def reconnect_app(self) -> None:
        """Ask the app to take new sockets, as Slack does every hour or so."""
        await self._door.post("/local/reconnect", {})

    async def aclose(self) -> None:
        await self._door.aclose()

    async def __aenter__(self) -> "PeopleClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
