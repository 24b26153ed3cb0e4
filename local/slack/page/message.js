/** Owns how one message looks: author, body, files, reactions, replies, and what can be done with it. */

import { fileAddress } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { icon } from "./icons.js";
import { toast } from "./notices.js";
import { avatar, badges, displayName } from "./people.js";
import { mrkdwn } from "./prose.js";
import { permalink } from "./route.js";
import { sessionChip } from "./sessions.js";
import { timeElement } from "./time.js";

/**
 * @param {object} message
 * @param {{store, actions, channel: string, inThread: boolean, continued: boolean, session?, unread: boolean, editing: boolean}} view
 */
export function renderMessage(message, view) {
  const { store, continued } = view;
  const user = store.user(message.user);
  const author = displayName(user, message.username ?? message.user);
  const kind = [
    continued && "is-continued",
    message.ephemeral && "is-ephemeral",
    view.editing && "is-editing",
  ];
  return h(
    "article",
    {
      class: ["message", ...kind.filter(Boolean)].join(" "),
      key: message.ts,
      "data-testid": "message",
      "data-ts": message.ts,
      "data-user": message.user,
      "aria-label": `Message from ${author}`,
    },
    h(
      "div",
      { class: "message-gutter" },
      continued ? null : avatar(user ?? { id: message.user, name: author }),
    ),
    h(
      "div",
      { class: "message-main" },
      message.ephemeral && h("div", { class: "ephemeral-note" }, icon("eye"), "Only visible to you"),
      continued ? null : heading(message, user, author),
      view.editing ? editor(message, view) : body(message, view),
      files(message, view),
      reactions(message, store),
      view.inThread ? null : replies(message, view),
    ),
    message.ephemeral || view.editing ? null : toolbar(message, view),
  );
}

function heading(message, user, author) {
  return h(
    "div",
    { class: "message-head" },
    h("span", { class: "message-author" }, author),
    badges(user),
    timeElement(message.ts),
  );
}

function body(message, view) {
  const { actions, channel } = view;
  const context = actions.blockContext(
    { channel, ts: message.ts },
    {
      fileLink: (id) =>
        fileCard(
          (message.files ?? []).find((file) => file.id === id),
          view,
        ),
    },
  );
  const content = message.blocks?.length
    ? h("div", { class: "blocks" }, renderBlocks(message.blocks, context))
    : h("div", { class: "prose message-text" }, mrkdwn(message.text, actions.names));
  if (!message.edited || message.bot_id) return content;
  const mark = h("span", { class: "edited" }, " (edited)");
  const last = content.lastElementChild;
  (last?.nodeName === "P" ? last : content).append(mark);
  return content;
}

/** The text as its author typed it: ids as names, entities as characters. */
function editableText(message, store) {
  return (message.text ?? "")
    .replace(/<@([A-Z0-9]+)(?:\|[^>]*)?>/g, (whole, id) =>
      store.user(id) ? `@${store.user(id).name}` : whole,
    )
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
}

function editor(message, { store, actions }) {
  const save = (form) => actions.edit(message, form.querySelector("textarea").value.trim());
  const cancel = () => store.set({ editing: null });
  const onkeydown = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      cancel();
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      save(event.currentTarget.form);
    }
  };
  return h(
    "form",
    { class: "editor", onsubmit: (event) => (event.preventDefault(), save(event.currentTarget)) },
    h(
      "textarea",
      {
        class: "field",
        rows: 3,
        autofocus: true,
        "aria-label": "Edit message",
        "data-testid": "message-editor",
        onkeydown,
      },
      editableText(message, store),
    ),
    h(
      "div",
      { class: "editor-foot" },
      h("button", { type: "button", class: "button is-small", onclick: cancel }, "Cancel"),
      h("button", { type: "submit", class: "button is-small is-primary" }, "Save"),
    ),
  );
}

function files(message, view) {
  if (!message.files?.length) return null;
  return h(
    "div",
    { class: "files" },
    message.files.map((file) => fileCard(file, view)),
  );
}

function fileCard(file, { store }) {
  if (!file) return null;
  return h(
    "a",
    {
      class: "file-card",
      href: fileAddress(file, store.me),
      download: file.name,
      "data-testid": "file-link",
      key: file.id,
    },
    h("span", { class: "file-mark" }, icon("file")),
    h(
      "span",
      { class: "file-text" },
      h("span", { class: "file-name" }, file.title || file.name),
      h("span", { class: "file-size" }, fileSize(file)),
    ),
    icon("download", "file-download"),
    h("span", { class: "visually-hidden" }, "Download"),
  );
}

function fileSize({ size, name }) {
  const ending = /\.(tar\.\w+|\w+)$/i.exec(name);
  const kind = ending ? `${ending[1].toUpperCase()} · ` : "";
  if (size < 1024) return `${kind}${size} B`;
  if (size < 1024 * 1024) return `${kind}${(size / 1024).toFixed(size < 10240 ? 1 : 0)} KB`;
  return `${kind}${(size / 1024 / 1024).toFixed(1)} MB`;
}

function reactions(message, store) {
  if (!message.reactions?.length) return null;
  const one = ({ name, users, count }) => {
    const who = (users ?? []).map((id) => displayName(store.user(id), id)).join(", ");
    const words = `${name}: ${who || count}`;
    return h(
      "span",
      {
        class: "reaction",
        key: name,
        title: words,
        role: "img",
        "aria-label": `Reaction ${words}`,
        "data-testid": "reaction",
        "data-name": name,
      },
      emoji(name),
      h("span", { class: "reaction-count" }, count ?? users.length),
    );
  };
  return h("div", { class: "reactions" }, message.reactions.map(one));
}

function replies(message, { store, channel, session, unread }) {
  const chip = sessionChip(session, displayName(store.user(store.state.workspace.bot.user_id)));
  if (!message.reply_count && !chip) return null;
  const count = message.reply_count ?? 0;
  const words = count === 1 ? "1 reply" : count ? `${count} replies` : "Open thread";
  return h(
    "div",
    { class: "replies" },
    h(
      "button",
      {
        type: "button",
        class: "reply-link",
        "data-testid": "reply-link",
        onclick: () => store.openThread(channel, message.ts),
      },
      icon("reply"),
      h("span", { class: "reply-count" }, words),
      message.latest_reply && h("span", { class: "reply-last" }, "last ", timeElement(message.latest_reply)),
      unread && h("span", { class: "unread-dot" }, h("span", { class: "visually-hidden" }, "unread")),
    ),
    chip,
  );
}

function toolbar(message, view) {
  const { store, actions, channel, inThread } = view;
  const open = (event) => actions.blockContext({}).menu(event.currentTarget, menuItems(message, view));
  return h(
    "div",
    { class: "message-tools", role: "group", "aria-label": "Message actions" },
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
