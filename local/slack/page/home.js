/** Owns the app's home: the tab beside the messages in the conversation with the app. */

import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { changedField } from "./inputs.js";
import { morphChildren } from "./morph.js";
import { displayName } from "./people.js";

export class Home {
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.node = h("div", { class: "home", hidden: true, "data-testid": "home" });
  }

  update({ workspace }, shown) {
    this.node.hidden = !shown;
    if (shown) morphChildren(this.node, [this.content(workspace)]);
  }

  content({ home, bot }) {
    const name = displayName(this.store.user(bot.user_id), bot.name);
    if (!home) return h("p", { class: "home-empty" }, `${name} has not published its home yet.`);
    const context = this.actions.blockContext({ view_id: home.id });
    const changed = (item, blockId) => context.act(item, blockId, changedField(this.node, item, blockId));
    return h("div", { class: "blocks" }, renderBlocks(home.blocks, { ...context, changed }));
  }
}

/** The two tabs of the conversation with the app. */
export function tabs(store, actions) {
  const { route } = store.state;
  const tab = (name, label) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        key: name,
        class: "tab",
        "aria-selected": String((route.tab ?? "messages") === name),
        "data-testid": `tab-${name}`,
        onclick: () => openTab(store, actions, name),
      },
      label,
    );
  return h(
    "div",
    { class: "tabs", role: "tablist", "aria-label": "Views of the app" },
    tab("messages", "Messages"),
    tab("home", "Home"),
  );
}

function openTab(store, actions, name) {
  store.go({ ...store.state.route, thread: null, tab: name === "home" ? "home" : null });
  if (name === "home") actions.openHome();
}
