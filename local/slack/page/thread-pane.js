/** Owns the right: one thread, the status of the agent session in it, and the button that stops it. */

import { Composer } from "./composer.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { MessageList } from "./message-list.js";
import { morph } from "./morph.js";
import { channelLabel, displayName } from "./people.js";
import { sessionMark, sessionOf, sessionWords } from "./sessions.js";

export class ThreadPane {
  constructor(root, store, actions) {
    this.root = root;
    this.store = store;
    this.actions = actions;
    this.header = h("header", { class: "pane-head" });
    this.session = h("div", { class: "session", hidden: true });
    this.list = new MessageList({ store, actions, inThread: true, intro: () => null });
    this.composer = new Composer({
      name: "thread",
      inThread: true,
      workspace: () => store.state.workspace,
      send: (draft) => actions.send({ ...draft, thread: store.state.route.thread }),
      shortcut: (shortcut) => actions.globalShortcut(shortcut),
      editLast: () => this.list.editLast(),
    });
    root.append(this.header, this.session, this.list.node, this.composer.node);
  }

  update(state) {
    const { workspace, route } = state;
    this.root.hidden = !route.thread;
    if (!route.thread || !workspace) return;
    const place = `${workspace.me}/${route.channel}/${route.thread}`;
    const opened = place !== this.place;
    this.place = place;
    this.header = morph(this.header, this.head(workspace));
    this.session = morph(this.session, this.status(sessionOf(state, route.channel, route.thread)));
    const channel = this.store.channel();
    const label = channelLabel(channel, workspace);
    this.composer.node.hidden = !channel?.members.includes(workspace.me);
    this.composer.show(place, "Reply…", channel?.is_im ? null : `Also send to ${label}`);
    this.list.update(place, state.threadMessages, (message) => ({
      channel: route.channel,
      unread: false,
      editing: state.editing?.ts === message.ts && state.editing.inThread,
    }));
    if (opened && !document.querySelector("dialog[open]") && matchMedia("(min-width: 721px)").matches) {
      this.composer.focus();
    }
  }

  head(workspace) {
    const where = channelLabel(this.store.channel(), workspace);
    const close = () => this.store.closeThread();
    return h(
      "header",
      { class: "pane-head" },
      h(
        "button",
        {
          type: "button",
          class: "icon-button narrow-only",
          "aria-label": `Back to ${where}`,
          "data-testid": "back-to-channel",
          onclick: close,
        },
        icon("back"),
      ),
      h("div", { class: "pane-title" }, h("h2", null, "Thread"), h("p", { class: "topic", dir: "auto" }, where)),
      h(
        "button",
        {
          type: "button",
          class: "icon-button wide-only",
          "aria-label": "Close thread",
          title: "Close thread (Esc)",
          "data-testid": "close-thread",
          onclick: close,
        },
        icon("close"),
      ),
    );
  }

  status(session) {
    if (!session) return h("div", { class: "session", hidden: true });
    const { channel, thread } = this.store.state.route;
    return h(
      "div",
      { class: `session is-${session.status}`, "data-testid": "session", "data-status": session.status },
      sessionMark(session),
      h(
        "div",
        { class: "session-words" },
        session.title && h("div", { class: "session-title", dir: "auto" }, session.title),
        h(
          "div",
          { class: "session-status", role: "status", "data-testid": "session-status" },
          sessionWords(session, displayName(this.store.user(this.store.state.workspace.bot.user_id))),
        ),
      ),
      session.status === "processing" &&
        h(
          "button",
          {
            type: "button",
            class: "button is-small stop-button",
            "data-testid": "stop-button",
            onclick: () => this.actions.stop(channel, thread),
          },
          icon("stop"),
          "Stop",
        ),
    );
  }
}
