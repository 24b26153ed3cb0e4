/** Owns what a person does to messages and sessions: each is one request, and each refusal one toast. */

import * as api from "./api.js";
import { confirmDialog } from "./dialog.js";
import { openMenu } from "./menu.js";

export class Actions {
  constructor(store) {
    this.store = store;
    /** What was last chosen in a select or as feedback; Slack's client shows it, the message does not carry it. */
    this.choices = new Map();
  }

  get names() {
    const { store } = this;
    return {
      me: store.me,
      user: (id) => store.user(id)?.name,
      channel: (id) => store.channel(id)?.name,
    };
  }

  // --- messages ---

  async send({ text, files, thread }) {
    const { user, channel } = this.store.state.route;
    const encoded = await Promise.all(files.map(api.encodeFile));
    const body = {
      user,
      channel,
      text,
      ...(thread && { thread_ts: thread }),
      ...(files.length && { files: encoded }),
    };
    await api.sendMessage(body);
    await this.store.refreshMessages();
  }

  command({ command, text }) {
    const { user, channel } = this.store.state.route;
    return api.runCommand({ user, channel, command, text });
  }

  edit(message, text) {
    const { user, channel } = this.store.state.route;
    return this.store.attempt(async () => {
      await api.editMessage({ user, channel, ts: message.ts, text });
      this.store.set({ editing: null });
      await this.store.refreshMessages();
    });
  }

  async remove(message) {
    const { user, channel } = this.store.state.route;
    const sure = await confirmDialog({
      title: "Delete message",
      text: "This message will be gone for everyone.",
      confirm: "Delete",
      style: "danger",
    });
    if (!sure) return;
    await this.store.attempt(async () => {
      await api.deleteMessage({ user, channel, ts: message.ts });
      await this.store.refreshMessages();
    });
  }

  shortcut(message, shortcut) {
    const { user, channel } = this.store.state.route;
    return this.store.attempt(() =>
      api.runShortcut({ user, channel, ts: message.ts, callback_id: shortcut.callback_id }),
    );
  }

  stop(channel, thread) {
    const { user } = this.store.state.route;
    return this.store.attempt(() => api.stopSession({ user, channel, thread_ts: thread }));
  }

  /** The app is told that its home is being looked at; it publishes what to show. */
  openHome() {
    return this.store.attempt(() => api.openHome({ user: this.store.me }));
  }

  // --- block elements ---

  /** What blocks.js needs to render the blocks of a message, or of a modal. `place` says where they are. */
  blockContext(place, extra = {}) {
    const key = (item, blockId) =>
      [this.store.me, place.view_id ?? place.ts, blockId, item.action_id].join("/");
    return {
      names: this.names,
      menu: openMenu,
      chosen: (item, blockId) => this.choices.get(key(item, blockId)),
      act: async (item, blockId, detail) => {
        if (item.confirm && !(await confirmDialog(item.confirm, this.names))) return;
        const given = Object.fromEntries(Object.entries(detail).filter(([, value]) => value !== undefined));
        const body = {
          user: this.store.me,
          ...place,
          action_id: item.action_id,
          block_id: blockId,
          ...given,
        };
        const answer = await this.store.attempt(() => api.click(body));
        if (answer && item.type !== "button") this.choices.set(key(item, blockId), detail);
        this.store.set({});
      },
      ...extra,
    };
  }

  // --- modals ---

  submit(view, values) {
    return this.store.attempt(async () => {
      const answer = await api.submitView({ user: this.store.me, view_id: view.id, values });
      await this.store.refreshWorkspace();
      return answer;
    });
  }

  close(view) {
    return this.store.attempt(async () => {
      await api.closeView({ user: this.store.me, view_id: view.id });
      await this.store.refreshWorkspace();
    });
  }
}
