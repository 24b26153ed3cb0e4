/**
 * Owns what this tab knows: who looks at what, the workspace, the messages on the screen, what is unread. It keeps all
 * of it current from the live stream; views only read `state` and are called after each change.
 */

import * as api from "./api.js";
import { announce, toast } from "./notices.js";
import { onRouteChange, readRoute, writeRoute } from "./route.js";
import { openStream } from "./stream.js";

/** Who a tab acts as when its address does not say. */
const FIRST_USER = "U0ANA";
/** Messages that tell of a change to their channel itself. */
const ABOUT_CHANNEL = ["channel_join", "channel_leave", "channel_topic"];

export class Store {
  constructor() {
    this.state = {
      route: readRoute(),
      workspace: null,
      channelMessages: null,
      threadMessages: null,
      live: null,
      unreadChannels: new Map(),
      unreadThreads: new Set(),
      newFrom: null,
      editing: null,
      browsing: false,
    };
    this.listeners = [];
    this.closeStream = () => {};
    this.scheduled = false;
    this.dismissed = new Set();
    this.refreshWorkspace = coalesced(() => this.loadWorkspace());
    this.refreshMessages = coalesced(() => this.loadMessages());
  }

  /** Connect as the person of the address and show their channel. */
  start() {
    onRouteChange((route) => this.apply(route));
    this.apply(this.state.route);
  }

  subscribe(listener) {
    this.listeners.push(listener);
  }

  set(patch) {
    Object.assign(this.state, patch);
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      for (const listener of this.listeners) listener(this.state);
    });
  }

  get me() {
    return this.state.workspace?.me ?? this.state.route.user ?? "";
  }

  channel(id = this.state.route.channel) {
    return this.state.workspace?.channels.find((one) => one.id === id);
  }

  user(id) {
    return this.state.workspace?.users.find((one) => one.id === id);
  }

  // --- where the person is ---

  switchUser(user) {
    const { channel, thread } = this.state.route;
    return this.go(this.channel()?.is_im ? { user } : { user, channel, thread });
  }

  openChannel(channel) {
    return this.go({ ...this.state.route, channel, thread: null, tab: null });
  }

  openThread(channel, thread) {
    return this.go({ ...this.state.route, channel, thread, tab: null });
  }

  closeThread() {
    return this.go({ ...this.state.route, thread: null });
  }

  /** On a narrow screen the list of channels is a view of its own. */
  browse(browsing) {
    this.set({ browsing });
  }

  go(route) {
    writeRoute(route);
    return this.apply(route);
  }

  apply(route) {
    const before = this.state.route;
    const newUser = route.user !== before.user || !this.state.workspace;
    const newChannel = newUser || route.channel !== before.channel;
    this.set({ route, browsing: false, editing: null });
    if (newChannel) this.set({ channelMessages: null, newFrom: null });
    if (newChannel || route.thread !== before.thread) this.set({ threadMessages: null });
    if (newUser) return this.connect();
    this.markRead();
    return this.attempt(() => this.refreshMessages());
  }

  /** `newFrom` is the first message of the channel that was not seen: the line above it stays until one leaves. */
  markRead() {
    const { route, unreadChannels, unreadThreads, newFrom } = this.state;
    this.set({ newFrom: unreadChannels.get(route.channel)?.from ?? newFrom });
    unreadChannels.delete(route.channel);
    unreadThreads.delete(route.thread);
  }

  /** A message only this person sees is put away, here alone. */
  dismiss(ts) {
    this.dismissed.add(ts);
    return this.attempt(() => this.refreshMessages());
  }

  /** What is shown is read after the stream has opened, so that nothing said in between is missed. */
  connect() {
    this.closeStream();
    this.set({ live: null, unreadChannels: new Map(), unreadThreads: new Set() });
    this.closeStream = openStream(
      api.streamAddress(this.state.route.user ?? FIRST_USER),
      (event) => this.onEvent(event),
      (live) => this.onConnection(live),
    );
  }

  // --- keeping current ---

  async loadWorkspace() {
    const { user } = this.state.route;
    const workspace = await api.state(user ?? FIRST_USER);
    const { route } = this.state;
    if (route.user !== user) return;
    const known = workspace.channels.some((one) => one.id === route.channel);
    const here = { ...route, user: workspace.me, channel: known ? route.channel : homeChannel(workspace) };
    if (!known) here.thread = null;
    writeRoute(here, { replace: true });
    this.set({ workspace, route: here });
  }

  async loadMessages() {
    const { user, channel, thread } = this.state.route;
    if (!user || !channel) return;
    const [ofChannel, ofThread] = await Promise.allSettled([
      api.messages(user, channel),
      thread ? api.messages(user, channel, thread) : null,
    ]);
    const now = this.state.route;
    if (now.user !== user || now.channel !== channel) return;
    if (ofChannel.status === "rejected") throw ofChannel.reason;
    const kept = (messages) => messages && messages.filter(({ ts }) => !this.dismissed.has(ts));
    this.set({ channelMessages: kept(ofChannel.value) });
    if (now.thread !== thread) return;
    if (ofThread.status === "fulfilled") this.set({ threadMessages: kept(ofThread.value) });
    else this.leaveThread(ofThread.reason);
  }

  /** The thread is gone, or was never there. */
  leaveThread(reason) {
    this.closeThread();
    throw reason;
  }

  onConnection(live) {
    this.set({ live });
    if (live) this.attempt(() => this.catchUp());
  }

  async catchUp() {
    await this.refreshWorkspace();
    await this.refreshMessages();
  }

  onEvent(event) {
    if (event.type === "toast") toast(event.text, "info");
    if (event.type === "message") this.noteArrival(event);
    const shown = event.channel === this.state.route.channel;
    if (shown && ["message", "changed", "deleted", "reaction"].includes(event.type)) {
      this.attempt(() => this.refreshMessages());
    }
    const changesWorkspace =
      ["session", "view", "view_closed", "home"].includes(event.type) ||
      ABOUT_CHANNEL.includes(event.message?.subtype) ||
      (event.channel && !this.channel(event.channel));
    if (changesWorkspace) this.attempt(() => this.refreshWorkspace());
  }

  /** Unread marks and the spoken announcement of a new message. */
  noteArrival({ channel, thread_ts: threadTs, ts, message }) {
    if (!message || message.user === this.me) return;
    const { route, unreadChannels, unreadThreads } = this.state;
    const inThread = threadTs && threadTs !== ts;
    const seen = route.channel === channel && (!inThread || route.thread === threadTs);
    if (seen) announce(`${this.user(message.user)?.real_name ?? "Someone"}: ${message.text ?? ""}`);
    else if (inThread) unreadThreads.add(threadTs);
    if (route.channel !== channel) {
      const known = unreadChannels.get(channel) ?? { from: null, mentions: 0 };
      const from = known.from ?? (inThread && message.subtype !== "thread_broadcast" ? null : ts);
      unreadChannels.set(channel, { from, mentions: known.mentions + Number(this.isForMe(channel, message)) });
    }
    this.set({});
  }

  isForMe(channel, { text = "" }) {
    const { is_im: direct, is_mpim: group } = this.channel(channel) ?? {};
    return Boolean(direct || group || text.includes(`<@${this.me}>`));
  }

  /** Run an action; what goes wrong is told to the person. Resolves to undefined then. */
  async attempt(action) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      toast(error.message);
      return undefined;
    }
  }
}

/** The first channel where the agent can be talked to. */
function homeChannel({ channels, bot }) {
  const open = channels.filter((one) => !one.is_im);
  return (open.find((one) => one.members.includes(bot.user_id)) ?? open[0] ?? channels[0])?.id ?? null;
}

/** At most one run at a time; calls during a run lead to exactly one more, and share its result. */
function coalesced(run) {
  let running = null;
  let next = null;
  const start = () => (running = run().finally(() => (running = null)));
  return () => {
    if (!running) return start();
    next ??= running
      .catch(() => {})
      .then(() => {
        next = null;
        return start();
      });
    return next;
  };
}
