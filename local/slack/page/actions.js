/** Owns what a person does to messages and sessions: each is one request, and each refusal one toast. */

import * as api from "./api.js";
import { confirmDialog } from "./dialog.js";
import { changedField } from "./inputs.js";
import { openMenu } from "./menu.js";
import { channelLabel, displayName } from "./people.js";

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
      group: (id) => store.state.workspace?.groups?.find((one) => one.id === id)?.handle,
    };
  }

  /** What menus of people and conversations offer, as options. */
  get lists() {
    const { workspace } = this.store.state;
    const option = (value, text) => ({ text: { type: "plain_text", text }, value });
    const label = (channel) => option(channel.id, channelLabel(channel, workspace));
    return {
      users: workspace.users.map((user) => option(user.id, displayName(user))),
      channels: workspace.channels.filter((one) => one.kind === "channel").map(label),
      conversations: workspace.channels.map(label),
    };
  }

  // --- messages ---

  async send({ text, files, thread, broadcast }) {
    const { user, channel } = this.store.state.route;
    const encoded = await Promise.all(files.map(api.encodeFile));
    const body = {
      user,
      channel,
      text,
      ...(thread && { thread_ts: thread }),
      ...(files.length && { files: encoded }),
      ...(broadcast && { broadcast }),
    };
    const { ts } = await api.sendMessage(body);
    await this.store.refreshMessages();
    void this.offerInvite(channel, ts, text);
  }

  /** Who mentions the app where it is not a member is asked whether to bring it in. */
  async offerInvite(channel, ts, text) {
    const { workspace } = this.store.state;
    const { bot } = workspace;
    const place = this.store.channel(channel);
    const here = place.members.includes(bot.user_id);
    if (here || !["channel", "group"].includes(place.kind)) return;
    if (!text.split(/[^\w@.-]+/).includes(`@${bot.name}`)) return;
    const name = displayName(this.store.user(bot.user_id), bot.name);
    const sure = await confirmDialog({
      title: `Invite ${name}?`,
      text: `You mentioned ${name}, but it is not in ${channelLabel(place, workspace)} and cannot see this.`,
      confirm: "Invite",
      deny: "Do nothing",
    });
    if (sure) await this.move(api.invite, { channel, ts });
  }

  /** Somebody comes or goes: `how` is one of the api's join, leave, invite, kick. */
  move(how, place) {
    return this.store.attempt(async () => {
      await how({ user: this.store.me, ...place });
      await this.store.catchUp();
    });
  }

  react(message, name) {
    const { user, channel } = this.store.state.route;
    const mine = message.reactions?.find((one) => one.name === name)?.users?.includes(user);
    const how = mine ? api.unreact : api.react;
    return this.store.attempt(() => how({ user, channel, ts: message.ts, name }));
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

  globalShortcut(shortcut) {
    const { callback_id } = shortcut;
    return this.store.attempt(() => api.runGlobalShortcut({ user: this.store.me, callback_id }));
  }

  stop(channel, thread) {
    const { user } = this.store.state.route;
    return this.store.attempt(() => api.stopSession({ user, channel, thread_ts: thread }));
  }

  /** The app is told which of its tabs is being looked at; it publishes what its home shows. */
  openHome(tab) {
    return this.store.attempt(() => api.openHome({ user: this.store.me, tab }));
  }

  // --- block elements ---

  /** What blocks.js needs to render the blocks of a message, or of a modal. `place` says where they are. */
  blockContext(place, extra = {}) {
    const key = (item, blockId) =>
      [this.store.me, place.view_id ?? place.ts, blockId, item.action_id].join("/");
    const context = {
      names: this.names,
      lists: this.lists,
      menu: openMenu,
      chosen: (item, blockId) => this.choices.get(key(item, blockId)),
      changed: (item, blockId, node) => context.act(item, blockId, changedField(node, item, context)),
      suggest: (item, blockId, value) =>
        this.store.attempt(() =>
          api.suggest({ user: this.store.me, ...place, action_id: item.action_id, block_id: blockId, value }),
        ),
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
    return context;
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
