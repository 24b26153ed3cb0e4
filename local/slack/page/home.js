/** Owns the app's home: the tab beside the messages in the conversation with the app. */

import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { morphChildren } from "./morph.js";
import { displayName } from "./people.js";

export class Home {
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.facts = "";
    this.looked = null;
    this.node = h("div", {
      class: "home",
      id: "home",
      hidden: true,
      tabindex: 0,
      role: "tabpanel",
      "aria-label": "Home",
      "data-testid": "home",
    });
  }

  /** `tab` is the one in view, or null outside of the conversation with the app. */
  update({ workspace }, tab) {
    this.tell(tab && `${workspace.me}/${tab}`, tab);
    this.node.hidden = tab !== "home";
    if (this.node.hidden) return;
    const facts = JSON.stringify([workspace.home, workspace.me, [...this.actions.choices]]);
    if (facts === this.facts) return;
    this.facts = facts;
    morphChildren(this.node, [this.content(workspace)]);
  }

  /** The app hears of each look at a tab, however it came about. */
  tell(looked, tab) {
    if (looked === this.looked) return;
    this.looked = looked;
    if (tab) void this.actions.openHome(tab);
  }

  content({ home, bot }) {
    const name = displayName(this.store.user(bot.user_id), bot.name);
    if (!home) {
      return h(
        "div",
        { class: "home-empty", key: "empty" },
        icon("thread"),
        h("p", null, `${name} has not published its home yet.`),
        h("p", null, "An app publishes it when it is told that somebody looks."),
      );
    }
    const context = this.actions.blockContext({ view_id: home.id }, { scope: "home" });
    return h("div", { class: "blocks", key: "home" }, renderBlocks(home.blocks, context));
  }
}

/** The two tabs of the conversation with the app. */
export function tabs(store) {
  const here = store.state.route.tab ?? "messages";
  const tab = (name, label) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        key: name,
        class: "tab",
        tabindex: here === name ? 0 : -1,
        "aria-selected": String(here === name),
        "aria-controls": name,
        "data-testid": `tab-${name}`,
        onclick: () => store.go({ ...store.state.route, thread: null, tab: name === "home" ? name : null }),
      },
      label,
    );
  return h(
    "div",
    { class: "tabs", role: "tablist", "aria-label": "Views of the app", onkeydown: step },
    tab("home", "Home"),
    tab("messages", "Messages"),
  );
}

/** Either arrow leads to the other of two tabs. */
function step(event) {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  event.preventDefault();
  const other = event.currentTarget.querySelector("[aria-selected=false]");
  other.focus();
  other.click();
}
