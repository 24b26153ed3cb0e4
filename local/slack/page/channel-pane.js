/** Owns the middle: the header of a conversation, its messages, and the field to write into it. */

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { Home, tabs } from "./home.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { editableText } from "./message-editor.js";
import { MessageList } from "./message-list.js";
import { morph } from "./morph.js";
import { avatar, badges, channelLabel, channelMark, channelName, displayName, isDirect } from "./people.js";
import { sessionOf } from "./sessions.js";

const EXAMPLE = "build a to-do CLI with tests";

export class ChannelPane {
  constructor(root, store, actions) {
    this.store = store;
    this.header = h("header", { class: "pane-head" });
    this.list = new MessageList({ store, actions, inThread: false, intro: () => this.intro() });
    this.list.node.id = "messages";
    this.composer = new Composer({
      name: "channel",
      inThread: false,
      workspace: () => store.state.workspace,
      send: (draft) => actions.send(draft),
      command: (draft) => actions.command(draft),
      shortcut: (shortcut) => actions.globalShortcut(shortcut),
      editLast: () => this.list.editLast(),
    });
    this.join = h("div", { class: "join-bar", hidden: true });
    this.home = new Home(store, actions);
    this.actions = actions;
    root.append(this.header, this.home.node, this.list.node, this.join, this.composer.node);
  }

  update(state) {
    const { workspace, route } = state;
    const channel = this.store.channel();
    if (!workspace || !channel) return;
    this.header = morph(this.header, this.head(channel, workspace));
    const tab = channel.is_im ? (route.tab ?? "messages") : null;
    this.home.update(state, tab);
    this.list.node.hidden = tab === "home";
    this.composer.node.hidden = tab === "home" || !channel.members.includes(workspace.me);
    this.join = morph(this.join, this.joinBar(channel, workspace));
    this.composer.show(`${workspace.me}/${channel.id}`, `Message ${channelLabel(channel, workspace)}`);
    this.list.update(`${workspace.me}/${channel.id}`, state.channelMessages, (message) => ({
      channel: channel.id,
      session: sessionOf(state, channel.id, message.ts),
      unread: state.unreadThreads.has(message.ts) && route.thread !== message.ts,
      editing: state.editing?.ts === message.ts && !state.editing.inThread,
      root: this.rootWords(message, state.channelMessages),
    }));
  }

  head(channel, workspace) {
    const bot = workspace.users.find((user) => user.id === workspace.bot.user_id);
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
          channelMark(channel, workspace, "is-small"),
          h("span", { dir: "auto" }, channelName(channel, workspace)),
          channel.is_im ? badges(bot) : null,
        ),
        channel.topic && h("p", { class: "topic", dir: "auto" }, channel.topic),
      ),
      channel.is_im ? tabs(this.store) : this.members(channel, workspace),
    );
  }

  /** Who is here; and behind it, who comes and goes. */
  members(channel, workspace) {
    const members = channel.members
      .map((id) => workspace.users.find((user) => user.id === id))
      .filter(Boolean);
    const names = members.map((user) => displayName(user)).join(", ");
    const faces = [
      members.slice(0, 4).map((user) => avatar(user, "is-tiny")),
      h("span", null, members.length),
    ];
    const items = this.moves(channel, workspace);
    const about = { class: "members", title: names, "data-testid": "members" };
    if (!items.length) {
      return h("div", { ...about, role: "img", "aria-label": `${members.length} members: ${names}` }, faces);
    }
    return h(
      "button",
      {
        ...about,
        type: "button",
        "aria-label": `${members.length} members: ${names}. Channel actions`,
        "aria-haspopup": "menu",
        onclick: ({ currentTarget }) => openMenu(currentTarget, items),
      },
      faces,
    );
  }

  moves(channel, workspace) {
    if (isDirect(channel) || !channel.members.includes(workspace.me)) return [];
    const place = { channel: channel.id };
    const name = displayName(this.store.user(workspace.bot.user_id));
    const invite = { label: `Add ${name}`, name: "invite", run: () => this.actions.move(api.invite, place) };
    const kick = { label: `Remove ${name}`, name: "kick", run: () => this.actions.move(api.kick, place) };
    return [
      { ...(channel.members.includes(workspace.bot.user_id) ? kick : invite), icon: icon("thread") },
      {
        label: `Leave ${channelLabel(channel, workspace)}`,
        icon: icon("close"),
        danger: true,
        name: "leave",
        run: () => this.actions.move(api.leave, place),
      },
    ];
  }

  /** What a reply that was also sent to the channel answers to; null for any other message. */
  rootWords({ ts, thread_ts: thread }, messages) {
    if (!thread || thread === ts) return null;
    const root = messages.find((one) => one.ts === thread);
    return (root && editableText(root, this.store).slice(0, 80)) || "an earlier message";
  }

  /** In the place of the field, for who reads a channel without being in it. */
  joinBar(channel, workspace) {
    const away = !channel.members.includes(workspace.me);
    return h(
      "div",
      { class: "join-bar", hidden: !away },
      h("span", null, `You are looking at ${channelLabel(channel, workspace)}.`),
      h(
        "button",
        {
          type: "button",
          class: "button is-primary",
          "data-testid": "join",
          onclick: () => this.actions.move(api.join, { channel: channel.id }),
        },
        "Join channel",
      ),
    );
  }

  /** What stands at the very top of a conversation; while it is empty, also how to begin. */
  intro() {
    const { workspace, channelMessages } = this.store.state;
    const channel = this.store.channel();
    const empty = !channelMessages?.length;
    const { bot } = workspace;
    const talks = channel.members.includes(bot.user_id) && channel.members.includes(workspace.me);
    const request = channel.is_im ? EXAMPLE : `@${bot.name} ${EXAMPLE}`;
    const label = channelLabel(channel, workspace);
    return h(
      "div",
      { class: "intro" },
      h("h3", { dir: "auto" }, label),
      h("p", null, about(channel, label)),
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

function about(channel, label) {
  if (channel.is_im) return `This is your conversation with ${label}. Each message starts a thread of its own.`;
  if (channel.is_mpim) return `This is your group conversation with ${label}.`;
  return `This is the very beginning of ${label}.`;
}
