/** Owns the left column: the workspace, its conversations, and who this tab acts as. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { morphChildren } from "./morph.js";
import { avatar, channelName, displayName } from "./people.js";

export class Sidebar {
  constructor(root, store) {
    this.root = root;
    this.store = store;
  }

  update(state) {
    const { workspace } = state;
    if (!workspace) return;
    const rooms = workspace.channels.filter((channel) => !channel.is_im);
    const direct = workspace.channels.filter((channel) => channel.is_im);
    morphChildren(this.root, [
      header(workspace),
      h(
        "div",
        { class: "sidebar-scroll", key: "conversations" },
        this.section("Channels", rooms, state),
        direct.length > 0 && this.section("Direct messages", direct, state),
      ),
      this.account(workspace),
    ]);
  }

  section(title, channels, state) {
    return h(
      "section",
      { class: "sidebar-section", key: title, "aria-label": title },
      h("h2", null, title),
      h(
        "ul",
        null,
        channels.map((channel) => h("li", { key: channel.id }, this.row(channel, state))),
      ),
    );
  }

  row(channel, { workspace, route, unreadChannels }) {
    const unread = unreadChannels.has(channel.id);
    const here = channel.id === route.channel;
    const mark = channel.is_im
      ? avatar(partner(channel, workspace), "is-tiny")
      : icon(channel.is_private ? "lock" : "hash");
    return h(
      "button",
      {
        type: "button",
        class: ["sidebar-row", here && "is-here", unread && "is-unread"].filter(Boolean).join(" "),
        "aria-current": here ? "page" : null,
        "data-testid": `channel-${channel.id}`,
        onclick: () => this.store.openChannel(channel.id),
      },
      mark,
      h("span", { class: "sidebar-name" }, channelName(channel, workspace)),
      unread && h("span", { class: "unread-dot" }, h("span", { class: "visually-hidden" }, "unread")),
    );
  }

  /** Two people and a guest share this page: each tab acts as one of them. */
  account(workspace) {
    const people = workspace.users.filter((user) => !user.is_bot);
    const one = (user) => {
      const me = user.id === workspace.me;
      const words = displayName(user) + (user.outsider ? " (guest from another company)" : "");
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
        user.outsider && h("span", { class: "account-note" }, "guest"),
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

function header(workspace) {
  return h(
    "header",
    { class: "workspace", key: "workspace" },
    h("span", { class: "workspace-mark", "aria-hidden": "true" }, icon("thread")),
    h("div", null, h("h1", null, workspace.team.name), h("p", null, "on this machine")),
  );
}

function partner(channel, workspace) {
  const id = channel.members.find((member) => member !== workspace.me) ?? workspace.bot.user_id;
  return workspace.users.find((user) => user.id === id);
}
