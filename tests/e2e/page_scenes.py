"""Owns a workspace full of everything the page can show, and pictures of it.

`python -m tests.e2e.page_scenes` writes `artefacts/page-<scene>-<light|dark>-<width>.png`:
for the eye, no test.
"""

import asyncio
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from agent import protocol as p
from bot.views import MessageBody, preferences, render
from local.slack import modals, seed
from local.slack.client import PeopleClient
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.e2e import page_cards
from tests.e2e.browser import ARTEFACTS, running_browser
from tests.e2e.page_blocks import (
    context,
    every_input,
    feedback,
    markdown,
    option,
    plain,
    plan,
    section,
)

ROOT = Path(__file__).parents[2]
Scheme = Literal["light", "dark"]


class Scenes:
    """Each method prepares one view and gives its address."""

    def __init__(self, ws: Workspace, app: AsyncWebClient, people: PeopleClient) -> None:
        self.ws, self.app, self.people = ws, app, people
        self.ana, self.ben = people.person("U0ANA"), people.person("U0BEN")

    async def bot(self, thread: str | None = None, **what: Any) -> str:
        posted = await self.app.chat_postMessage(channel="C0BUILD", thread_ts=thread, **what)
        return str(posted["ts"])

    async def channel(self) -> str:
        await self.ben.post("C0BUILD", "Morning! I wrote down what we need:\n• links\n• tests")
        await self.ben.post("C0BUILD", "and `curl -I` must work")
        await self.ana.post("C0BUILD", "🎉🚀")
        await self.ana.post("C0BUILD", "שלום, אפשר לבנות את זה עם בדיקות? תודה רבה")
        await self.ana.post(
            "C0BUILD",
            "Here is the brief, with a picture.",
            files={"brief.md": b"# Brief\n" * 50, "screen.png": b"\x89PNG" * 9000},
        )
        await self.ana.post("C0BUILD", "\n".join(f"log line {n} says the same" for n in range(900)))
        edited = await self.ben.post("C0BUILD", "frist")
        await self.ben.edit("C0BUILD", edited, "first, I mean")
        await self.people.person("U0GUS").post("C0BUILD", "Hello from a guest")
        await self.thread()
        return "#user=U0ANA&channel=C0BUILD"

    async def thread(self) -> str:
        root = await self.ana.post("C0BUILD", "@threadwright build a URL shortener with tests")
        await self.app.reactions_add(channel="C0BUILD", timestamp=root, name="eyes")
        await self.bot(root, text="plan", blocks=plan(2, 5))
        await self.bot(
            root,
            text="Approval needed",
            blocks=[
                section("*Approval needed* for Ana Alves\nInstalling a package needs the network."),
                section("```pip install -r requirements.txt```"),
                {
                    "type": "actions",
                    "elements": [
                        button("Approve", "approve", "primary"),
                        button("Deny", "deny", "danger"),
                        button("Show diff", "diff"),
                    ],
                },
                context("Only <@U0ANA> may answer. Expires in 3 days."),
            ],
        )
        await self.app.chat_postEphemeral(
            channel="C0BUILD", thread_ts=root, user="U0ANA", text="Ben asked to be told too."
        )
        await self.ben.post("C0BUILD", "One more wish: custom aliases.", root, broadcast=True)
        done = [
            section("*Done: the URL shortener works*\n• 4 files changed\n• 12 tests pass"),
            {
                "type": "actions",
                "elements": [
                    button("Download project", "get", "primary"),
                    button("Retry", "retry"),
                ],
            },
            feedback(),
        ]
        await self.bot(root, text="Done", blocks=done)
        await self.app.agents_sessions_setStatus(
            channel_id="C0BUILD", thread_ts=root, status="processing", title="URL shortener"
        )
        return f"#user=U0ANA&channel=C0BUILD&thread={root}"

    async def stream(self) -> str:
        root = await self.ana.post("C0BUILD", "@threadwright explain the code")
        started = await self.app.chat_startStream(
            channel="C0BUILD",
            thread_ts=root,
            recipient_user_id="U0ANA",
            recipient_team_id=seed.TEAM.id,
            chunks=[{"type": "markdown_text", "text": "## How it works\nA request "}],
        )
        more = [{"type": "markdown_text", "text": "goes to `app.py`, which looks up the **code**"}]
        await self.app.chat_appendStream(channel="C0BUILD", ts=str(started["ts"]), chunks=more)
        return f"#user=U0ANA&channel=C0BUILD&thread={root}"

    async def blocks(self) -> str:
        table = {
            "type": "table",
            "rows": [
                [{"type": "raw_text", "text": head} for head in ("File", "Lines", "Covered")],
                [{"type": "raw_text", "text": cell} for cell in ("app.py", "120", "98 %")],
            ],
        }
        shown = [
            {"type": "header", "text": plain("Every kind of block")},
            section("With a *menu* on the right") | {"accessory": select()},
            markdown(
                "### Notes\n1. one\n2. two\n\n- [x] done\n- [ ] open\n\n> said\n\n```py\nx = 1\n```"
            ),
            table,
            {"type": "alert", "level": "warning", "text": plain("The budget is nearly used.")},
            {"type": "divider"},
            {
                "type": "actions",
                "elements": [
                    select(),
                    {"type": "overflow", "action_id": "o", "options": [option("1"), option("2")]},
                    {"type": "datepicker", "action_id": "d", "initial_date": "2026-11-22"},
                ],
            },
            {"type": "actions", "elements": [radios()]},
            {"type": "image", "image_url": "https://x.example/a.png", "alt_text": "A graph"},
        ]
        root = await self.bot(text="blocks", blocks=shown)
        return f"#user=U0ANA&channel=C0BUILD&thread={root}"

    async def home(self) -> str:
        await self.app.views_publish(user_id="U0ANA", view={"type": "home", "blocks": home()})
        return "#user=U0ANA&channel=D0ANA&tab=home"

    async def direct(self) -> str:
        first = await self.ana.post("D0ANA", "build a to-do CLI")
        await self.app.chat_postMessage(channel="D0ANA", thread_ts=first, text="On it.")
        await self.app.agents_sessions_setStatus(
            channel_id="D0ANA", thread_ts=first, status="suspended", title="To-do CLI"
        )
        await self.ana.post("D0ANA", "help")
        return "#user=U0ANA&channel=D0ANA"

    async def modal(self) -> str:
        view = {
            "type": "modal",
            "title": plain("Every field"),
            "submit": plain("Save"),
            "close": plain("Cancel"),
            "blocks": every_input(),
        }
        modals.show(self.ws, "U0BEN", modals.checked_view(view, "modal"), on_top=False)
        return "#user=U0BEN&channel=C0BUILD"

    async def settings(self) -> str:
        known = p.PreferencesView(chosen=p.Preferences(plan_first=True), choices=page_cards.CHOICES)
        view = preferences.modal(preferences.Owner("person", "U0BEN"), known, now=0.0)
        modals.show(self.ws, "U0BEN", modals.checked_view(view, "modal"), on_top=False)
        return "#user=U0BEN&channel=C0BUILD"

    async def plan_card(self) -> str:
        return await self._cards(page_cards.plan())

    async def publish_card(self) -> str:
        return await self._cards(page_cards.publish())

    async def long_publish_card(self) -> str:
        return await self._cards(page_cards.publish(lines=900), page_cards.command())

    async def budget_cards(self) -> str:
        return await self._cards(page_cards.continued(), page_cards.budget())

    async def shared_budget_cards(self) -> str:
        return await self._cards(page_cards.channel(), page_cards.quota())

    async def spent(self) -> str:
        return await self._cards(page_cards.status(), page_cards.result())

    async def _cards(self, *bodies: MessageBody) -> str:
        """A thread with these messages as the product renders them."""
        root = await self.ana.post("C0BUILD", "@threadwright build a URL shortener with tests")
        for body in bodies:
            shown = render(body, f"{seed.TEAM.id}:C0BUILD:{root}")
            await self.bot(root, text=shown.text, blocks=shown.blocks or None)
        return f"#user=U0ANA&channel=C0BUILD&thread={root}"

    async def empty(self) -> str:
        return "#user=U0CLEO&channel=C0VAULT"

    async def outsider(self) -> str:
        return "#user=U0OTTO&channel=C0GENERAL"


def button(text: str, action_id: str, style: str | None = None) -> dict[str, Any]:
    made = {"type": "button", "action_id": action_id, "text": plain(text), "value": "v"}
    return made if style is None else made | {"style": style}


def select() -> dict[str, Any]:
    options = [option("1"), option("2")]
    return {
        "type": "static_select",
        "action_id": "s",
        "placeholder": plain("Model"),
        "options": options,
    }


def radios() -> dict[str, Any]:
    options = [option("1"), option("2")]
    return {
        "type": "radio_buttons",
        "action_id": "r",
        "options": options,
        "initial_option": options[0],
    }


def home() -> list[dict[str, Any]]:
    overflow = {"type": "overflow", "action_id": "m", "options": [option("1"), option("2")]}
    return [
        {"type": "header", "text": plain("How to start")},
        section("*Mention me in a channel* with what you want, or write in the *Messages* tab."),
        {"type": "header", "text": plain("Your sessions")},
        section("*To-do CLI* – working, step 3 of 6\nStarted 5 minutes ago")
        | {"accessory": overflow},
        section("*URL shortener* – done\nYesterday")
        | {"accessory": {**overflow, "action_id": "n"}},
        {"type": "header", "text": plain("Your settings")},
        section("*Model:* fast\n*Approvals:* strict") | {"accessory": button("Change", "change")},
        {"type": "actions", "elements": [select(), radios()]},
        {
            "type": "input",
            "block_id": "note",
            "dispatch_action": True,
            "label": plain("Standing instructions"),
            "element": {"type": "plain_text_input", "action_id": "note", "multiline": True},
        },
        context("They hold from your next task on."),
    ]


async def shoot(
    browser: Browser, ws: Workspace, name: str, where: str, scheme: Scheme, width: int
) -> None:
    page = await browser.new_page(
        viewport={"width": width, "height": 900 if width > 700 else 800}, color_scheme=scheme
    )
    page.on("console", lambda message: print(name, scheme, width, message.text))
    page.on("pageerror", lambda error: print(name, scheme, width, error))
    await page.goto(f"{ws.base_url}/{where}")
    await page.locator("[data-view]").wait_for()
    await settled(page)
    await page.screenshot(path=ARTEFACTS / f"page-{name}-{scheme}-{width}.png")
    await page.close()


async def settled(page: Page) -> None:
    await expect(page.locator(".message-list[aria-busy=true]:visible")).to_have_count(0)
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 120)))")


async def main() -> None:
    import sys

    ARTEFACTS.mkdir(exist_ok=True)
    async with (
        running_workspace(manifest=ROOT / "manifest.yml") as ws,
        PeopleClient(ws.base_url) as people,
        running_browser() as browser,
    ):
        app = AsyncWebClient(seed.BOT_TOKEN, base_url=ws.api_url.rstrip("/") + "/")
        scenes = Scenes(ws, app, people)
        wanted = sys.argv[1:] or [
            "empty",
            "outsider",
            "channel",
            "thread",
            "stream",
            "blocks",
            "direct",
            "home",
            "modal",
            "settings",
            "plan_card",
            "publish_card",
            "long_publish_card",
            "budget_cards",
            "shared_budget_cards",
            "spent",
        ]
        for name in wanted:
            where = await getattr(scenes, name)()
            for scheme in ("light", "dark"):
                for width in (1360, 420):
                    await shoot(browser, ws, name, where, scheme, width)


if __name__ == "__main__":
    asyncio.run(main())
