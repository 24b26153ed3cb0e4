/** Owns how one message looks: author, body, files, reactions and replies. */

import { fileAddress } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { emoji } from "./emoji.js";
import { icon } from "./icons.js";
import { messageEditor } from "./message-editor.js";
import { messageTools } from "./message-tools.js";
import { avatar, badges, displayName } from "./people.js";
import { mrkdwn } from "./prose.js";
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
      view.editing ? messageEditor(message, view) : body(message, view),
      files(message, view),
      reactions(message, store),
      view.inThread ? null : replies(message, view),
    ),
    message.ephemeral || view.editing ? null : messageTools(message, view),
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
      message.latest_reply &&
        h("span", { class: "reply-last" }, "Last reply ", timeElement(message.latest_reply)),
      unread && h("span", { class: "unread-dot" }, h("span", { class: "visually-hidden" }, "unread")),
    ),
    chip,
  );
}
