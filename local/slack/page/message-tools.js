/** Owns what can be done with a message: the buttons beside it, and the menu behind them. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { toast } from "./notices.js";
import { openReactionMenu } from "./reactions.js";
import { permalink } from "./route.js";

export function messageTools(message, view) {
  const { store, actions, channel, inThread } = view;
  const open = (event) => openMenu(event.currentTarget, menuItems(message, view));
  return h(
    "div",
    { class: "message-tools", role: "group", "aria-label": "Message actions" },
    h(
      "button",
      {
        type: "button",
        class: "icon-button",
        title: "Add reaction",
        "aria-label": "Add reaction",
        "aria-haspopup": "menu",
        "data-testid": "add-reaction",
        onclick: ({ currentTarget }) => openReactionMenu(currentTarget, message, actions),
      },
      icon("smile"),
    ),
    inThread
      ? null
      : h(
          "button",
          {
            type: "button",
            class: "icon-button",
            title: "Reply in thread",
            "aria-label": "Reply in thread",
            "data-testid": "reply-in-thread",
            onclick: () => store.openThread(channel, message.thread_ts ?? message.ts),
          },
          icon("reply"),
        ),
    h(
      "button",
      {
        type: "button",
        class: "icon-button",
        title: "More actions",
        "aria-label": "More actions",
        "aria-haspopup": "menu",
        "data-testid": "more-actions",
        onclick: open,
      },
      icon("more"),
    ),
  );
}

function menuItems(message, { store, actions, channel, inThread }) {
  const { workspace } = store.state;
  const own = message.user === store.me;
  const shortcuts = (workspace.shortcuts ?? []).map((one) => ({
    label: one.name,
    hint: workspace.bot.name,
    icon: icon("bolt"),
    name: `shortcut-${one.callback_id}`,
    run: () => actions.shortcut(message, one),
  }));
  return [
    !inThread && {
      label: "Reply in thread",
      icon: icon("reply"),
      name: "reply",
      run: () => store.openThread(channel, message.thread_ts ?? message.ts),
    },
    ...shortcuts,
    { label: "Copy link", icon: icon("link"), name: "copy-link", run: () => copyLink(channel, message) },
    own && {
      label: "Edit message",
      icon: icon("edit"),
      name: "edit",
      run: () => store.set({ editing: { ts: message.ts, inThread } }),
    },
    own && {
      label: "Delete message",
      icon: icon("trash"),
      danger: true,
      name: "delete",
      run: () => actions.remove(message),
    },
  ].filter(Boolean);
}

async function copyLink(channel, message) {
  const address = permalink(channel, message);
  try {
    await navigator.clipboard.writeText(address);
    toast("Link copied", "info");
  } catch {
    toast(`This browser does not let the page copy. The link is ${address}`);
  }
}
