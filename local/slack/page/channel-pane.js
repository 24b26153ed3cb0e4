/** Owns the middle: the header of a conversation, its messages, and the field to write into it. */

import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { Home, tabs } from "./home.js";
import { icon } from "./icons.js";
import { MessageList } from "./message-list.js";
import { morph } from "./morph.js";
import { avatar, badges, channelName } from "./people.js";
import { sessionOf } from "./sessions.js";

const EXAMPLE = "build a to-do CLI with tests";

export class ChannelPane {
  constructor(root, store, actions) {
    this.store = store;
    this.header = h("header", { class: "pane-head" });
    this.list = new MessageList({ store, actions, inThread: false, intro: () => this.intro() });
    this.composer = new Composer({
      name: "channel",
      inThread: false,
      workspace: () => store.state.workspace,
      send: (draft) => actions.send(draft),
      command: (draft) => actions.command(draft),
    });
    this.home = new Home(store, actions);
    this.actions = actions;
    root.append(this.header, this.home.node, this.list.node, this.composer.node);
  }

  update(state) {
    const { workspace, route } = state;
    const channel = this.store.channel();
    if (!workspace || !channel) return;
    this.header = morph(this.header, this.head(channel, workspace));
    const atHome = channel.is_im && route.tab === "home";
    this.home.update(state, atHome);
    this.list.node.hidden = this.composer.node.hidden = atHome;
    this.composer.show(
      `${workspace.me}/${channel.id}`,
      `Message ${channel.is_im ? "" : "#"}${channelName(channel, workspace)}`,
    );
    this.list.update(`${workspace.me}/${channel.id}`, state.channelMessages, (message) => ({
      channel: channel.id,
      session: sessionOf(state, channel.id, message.ts),
      unread: state.unreadThreads.has(message.ts) && route.thread !== message.ts,
      editing: state.editing?.ts === message.ts && !state.editing.inThread,
    }));
  }

  head(channel, workspace) {
    const bot = workspace.users.find((user) => user.id === workspace.bot.user_id);
    const members = channel.members
      .map((id) => workspace.users.find((user) => user.id === id))
      .filter(Boolean);
    return h(
      "header",
      { class: "pane-head" },
      h(
        "button",
        {
          type: "button",
          class: "icon-button narrow-only",
          "aria-label": "Back to channels",
          "data-testid": "back-to-channels",
          onclick: () => this.store.browse(true),
        },
        icon("back"),
      ),
      h(
        "div",
        { class: "pane-title" },
        h(
          "h2",
          null,
          channel.is_im ? avatar(bot, "is-small") : icon(channel.is_private ? "lock" : "hash"),
          h("span", null, channelName(channel, workspace)),
          channel.is_im ? badges(bot) : null,
        ),
        channel.topic && h("p", { class: "topic" }, channel.topic),
      ),
      channel.is_im ? tabs(this.store, this.actions) : memberCount(members),
    );
  }

  /** What stands at the very top of a conversation; while it is empty, also how to begin. */
  intro() {
    const { workspace, channelMessages } = this.store.state;
    const channel = this.store.channel();
    const name = channelName(channel, workspace);
    const empty = !channelMessages?.length;
    const talks = channel.is_im || channel.members.includes(workspace.bot.user_id);
    const request = channel.is_im ? EXAMPLE : `@${workspace.bot.name} ${EXAMPLE}`;
    return h(
      "div",
      { class: "intro" },
      h("h3", null, channel.is_im ? name : `#${name}`),
      h(
        "p",
        null,
        channel.is_im ? `This is your conversation with ${name}.` : `This is the very beginning of #${name}.`,
      ),
      empty &&
        talks &&
        h(
          "button",
          {
            type: "button",
            class: "suggestion",
            "data-testid": "suggestion",
            onclick: () => this.composer.suggest(request),
          },
          h("span", null, "Try"),
          request,
        ),
    );
  }
}

function memberCount(members) {
  return h(
    "div",
    {
      class: "members",
      title: members.map((user) => user.real_name || user.name).join(", "),
      role: "img",
      "aria-label": `${members.length} members`,
    },
    members.slice(0, 4).map((user) => avatar(user, "is-tiny")),
    h("span", null, members.length),
  );
}
