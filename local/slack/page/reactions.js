/** Owns the emoji on a message: who put them there, and putting or taking one's own. */

import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { openMenu } from "./menu.js";
import { displayName } from "./people.js";

const OFFERED = ["eyes", "+1", "-1", "white_check_mark", "tada", "heart", "octagonal_sign", "thinking_face"];

export function reactions(message, { store, actions }) {
  if (!message.reactions?.length) return null;
  const one = ({ name, users, count }) => {
    const who = (users ?? []).map((id) => displayName(store.user(id), id)).join(", ");
    const words = `${name}: ${who || count}`;
    return h(
      "button",
      {
        type: "button",
        class: "reaction",
        key: name,
        title: words,
        "aria-label": `Reaction ${words}`,
        "aria-pressed": String(Boolean(users?.includes(store.me))),
        "data-testid": "reaction",
        "data-name": name,
        onclick: () => actions.react(message, name),
      },
      emoji(name),
      h("span", { class: "reaction-count" }, count ?? users.length),
    );
  };
  return h("div", { class: "reactions" }, message.reactions.map(one));
}

export function openReactionMenu(anchor, message, actions) {
  const items = OFFERED.map((name) => ({
    label: emoji(name),
    name: `react-${name}`,
    run: () => actions.react(message, name),
  }));
  openMenu(anchor, items, "is-grid");
}
