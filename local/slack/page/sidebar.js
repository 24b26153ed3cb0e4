/** Owns the left column: the workspace, its conversations, the agent's sessions, and who this tab acts as. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { morphChildren } from "./morph.js";
import { avatar, channelLabel, channelMark, channelName, displayName, isDirect, standing } from "./people.js";
import { sessionMark, sessionWords } from "./sessions.js";

const MOST_SESSIONS = 12;

export class Sidebar {
  constructor(root, store) {
    this.root = root;
    this.store = store;
    root.addEventListener("keydown", moveFocus);
  }

  update(state) {
    const { workspace } = state;
    if (!workspace) return;
    const rooms = workspace.channels.filter((channel) => !isDirect(channel));
    const direct = workspace.channels.filter(isDirect);
    morphChildren(this.root, [
      header(workspace),
      h(
        "div",
        { class: "sidebar-scroll", key: "conversations" },
        section(
          "Channels",
          rooms.map((channel) => this.row(channel, state)),
        ),
        section(
          "Direct messages",
          direct.map((channel) => this.row(channel, state)),
        ),
        section("Sessions", this.sessions(state)),
      ),
      this.account(workspace),
    ]);
  }

  row(channel, { workspace, route, unreadChannels }) {
    const unread = unreadChannels.get(channel.id);
    const here = channel.id === route.channel;
    const away = !channel.members.includes(workspace.me);
    return h(
      "button",
      {
        type: "button",
        key: channel.id,
        class: rowClass({ here, unread, away }),
        "aria-current": here ? "page" : null,
        "data-testid": `channel-${channel.id}`,
        title: away ? "You are not in this channel" : null,
        onclick: () => this.store.openChannel(channel.id),
      },
      channelMark(channel, workspace, "is-tiny"),
      h("span", { class: "sidebar-name", dir: "auto" }, channelName(channel, workspace)),
      channel.is_shared &&
        h("span", { class: "sidebar-note", title: "Shared with another company" }, "shared"),
      unread && unreadMark(unread),
    );
  }

  /** The threads in which the agent is or was at work, newest first. */
  sessions({ workspace, route, unreadThreads }) {
    const app = displayName(this.store.user(workspace.bot.user_id));
    const newest = [...workspace.sessions].sort((a, b) => Number(b.thread_ts) - Number(a.thread_ts));
    return newest.slice(0, MOST_SESSIONS).map((session) => {
      const { channel, thread_ts: thread, title } = session;
      const here = channel === route.channel && thread === route.thread;
      const words = sessionWords(session, app);
      const place = channelLabel(this.store.channel(channel), workspace);
      return h(
        "button",
        {
          type: "button",
          key: `${channel}/${thread}`,
          class: `${rowClass({ here, unread: unreadThreads.has(thread) })} is-session`,
          "aria-current": here ? "true" : null,
          "data-testid": "session-row",
          "data-status": session.status,
          title: `${title || "Untitled"} – ${words}`,
          onclick: () => this.store.openThread(channel, thread),
        },
        sessionMark(session),
        h(
          "span",
          { class: "sidebar-name" },
          h("span", { class: "session-name", dir: "auto" }, title || "Untitled"),
          h("span", { class: "session-where" }, `${place} · ${words}`),
        ),
      );
    });
  }

  /** Several people share this page: each tab acts as one of them. */
  account(workspace) {
    const people = workspace.users.filter((user) => !user.is_bot);
    const one = (user) => {
      const me = user.id === workspace.me;
      const mark = standing(user) ?? (user.is_admin ? { name: "Admin", words: "An admin" } : null);
      const words = displayName(user) + (mark ? ` (${mark.words.toLowerCase()})` : "");
      return h(
        "button",
        {
          type: "button",
          key: user.id,
          class: me ? "account is-me" : "account",
          title: words,
          "aria-label": `Act as ${words}`,
          "aria-pressed": String(me),
          "data-testid": `user-${user.id}`,
          onclick: () => this.store.switchUser(user.id),
        },
        avatar(user, "is-small"),
        h("span", { class: "account-name" }, user.name),
        mark && h("span", { class: "account-note" }, mark.name.toLowerCase()),
      );
    };
    return h(
      "section",
      { class: "accounts", key: "accounts", "aria-label": "Who you are" },
      h("h2", null, "You are"),
      h("div", { class: "account-row" }, people.map(one)),
    );
  }
}

function section(title, rows) {
  if (!rows.length) return null;
  return h(
    "section",
    { class: "sidebar-section", key: title, "aria-label": title },
    h("h2", null, title),
    h(
      "ul",
      null,
      rows.map((row) => h("li", { key: row.dataset.key }, row)),
    ),
  );
}

const rowClass = ({ here, unread, away }) =>
  ["sidebar-row", here && "is-here", unread && "is-unread", away && "is-away"].filter(Boolean).join(" ");

function unreadMark({ mentions }) {
  if (!mentions) return h("span", { class: "unread-dot" }, h("span", { class: "visually-hidden" }, "unread"));
  return h(
    "span",
    { class: "unread-count" },
    mentions,
    h("span", { class: "visually-hidden" }, " unread for you"),
  );
}

/** Arrows step through the rows, as Tab does. */
function moveFocus(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const rows = [...event.currentTarget.querySelectorAll(".sidebar-row")];
  const at = rows.indexOf(document.activeElement);
  if (!step || at < 0) return;
  event.preventDefault();
  rows[at + step]?.focus();
}

function header(workspace) {
  return h(
    "header",
    { class: "workspace", key: "workspace" },
    h("span", { class: "workspace-mark", "aria-hidden": "true" }, icon("thread")),
    h("div", null, h("h1", null, workspace.team.name), h("p", null, "on this machine")),
  );
}
