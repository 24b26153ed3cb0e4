/** Owns the start: builds the views, ties them to the store, and handles what belongs to the page as a whole. */

import { Actions } from "./actions.js";
import { ChannelPane } from "./channel-pane.js";
import { Modal } from "./modal.js";
import { channelLabel } from "./people.js";
import { parsePermalink } from "./route.js";
import { Sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { ThreadPane } from "./thread-pane.js";
import { keepTimesCurrent } from "./time.js";

const byId = (id) => document.getElementById(id);

const store = new Store();
const actions = new Actions(store);
const views = [
  new Sidebar(byId("sidebar"), store),
  new ChannelPane(byId("channel"), store, actions),
  new ThreadPane(byId("thread"), store, actions),
  new Modal(store, actions),
];

store.subscribe((state) => {
  const { route, browsing, workspace, unreadChannels } = state;
  byId("app").dataset.view = route.thread ? "thread" : browsing ? "sidebar" : "channel";
  for (const view of views) view.update(state);
  showConnection(state.live);
  const channel = store.channel();
  if (!channel) return;
  const place = channelLabel(channel, workspace);
  document.title = `${unreadChannels.size ? "• " : ""}${place} – ${workspace.team.name}`;
});

function showConnection(live) {
  const line = byId("connection");
  line.hidden = live !== false;
  line.textContent = live === false ? "reconnecting…" : "";
}

/** Dialogs, menus and the completion list take Escape first; what is left of it closes the thread. */
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (document.querySelector("dialog[open], .menu:popover-open")) return;
  if (store.state.route.thread) store.closeThread();
});

/** A permalink of this workspace opens its thread here instead of a new tab. */
addEventListener("click", (event) => {
  const target = parsePermalink(event.target.closest?.("a[href]")?.href ?? "");
  if (!target || !store.channel(target.channel) || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  store.openThread(target.channel, target.thread);
});

keepTimesCurrent(document);
store.start();
