"""Owns a bare document that holds the page's modules, for tests of what they render."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page

from tests.e2e.browser import complaints_of
from tests.serving import serving

PAGE_FOLDER = Path(__file__).parents[2] / "local" / "slack" / "page"
HOST = "<!doctype html><link rel='icon' href='data:,'><div id='host'></div>"


@asynccontextmanager
async def running_host(browser: Browser) -> AsyncIterator[tuple[Page, list[str]]]:
    """The document, and what the browser complained about."""
    app = web.Application()
    app.router.add_get("/", _host)
    app.router.add_static("/page", PAGE_FOLDER)
    async with serving(app) as url:
        page = await browser.new_page()
        complaints = complaints_of(page)
        await page.goto(url)
        await page.evaluate(
            """async () => {
                window.modules = {};
                for (const name of ["blocks", "prose", "inputs", "morph", "dom", "route", "time"]) {
                    modules[name] = await import(`/page/${name}.js`);
                }
                window.host = document.getElementById("host");
                window.names = {
                    me: "U0ANA",
                    user: (id) => ({ U0ANA: "ana", U0BEN: "ben" })[id],
                    channel: (id) => ({ C0BUILD: "build" })[id],
                };
            }"""
        )
        yield page, complaints
        await page.close()


async def _host(_: web.Request) -> web.Response:
    return web.Response(text=HOST, content_type="text/html")


async def render(page: Page, *blocks: dict[str, Any]) -> None:
    await page.evaluate(
        """(blocks) => {
            window.acts = [];
            const act = (item, blockId, detail) =>
                acts.push([item.action_id, blockId ?? null, detail]);
            const menu = (anchor, items) => acts.push(["menu", items.map((item) => item.label)]);
            const { changedField } = modules.inputs;
            const changed = (item, blockId, node) =>
                act(item, blockId, changedField(node, item, context));
            const context = { names, act, menu, changed, chosen: () => undefined };
            host.replaceChildren(modules.blocks.renderBlocks(blocks, context));
        }""",
        list(blocks),
    )


async def html_of(page: Page, dialect: str, text: str) -> str:
    html: str = await page.evaluate(
        """([dialect, text]) => {
            host.replaceChildren(modules.prose[dialect](text, names));
            return host.innerHTML;
        }""",
        [dialect, text],
    )
    return html
