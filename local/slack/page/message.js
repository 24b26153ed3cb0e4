/** Owns how one message looks: author, body, replies, and whatever sets it apart from an ordinary one. */

import { foldable, renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { isEmoji } from "./emoji.js";
import { fileCard, fileCards } from "./files.js";
import { icon } from "./icons.js";
import { decodeEntities } from "./inline.js";
import { messageEditor } from "./message-editor.js";
import { messageTools } from "./message-tools.js";
import { avatar, badges, displayName } from "./people.js";
import { mrkdwn } from "./prose.js";
import { reactions } from "./reactions.js";
import { sessionChip } from "./sessions.js";
import { timeElement } from "./time.js";

/** What Slack itself says about a channel: one quiet line, by its icon. */
const NOTICES = { channel_join: "people", channel_leave: "people", channel_topic: "edit", tombstone: "trash" };
const MOST_LARGE_EMOJI = 23;

/**
 * @param {object} message
 * @param {{store, actions, channel: string, inThread: boolean, continued: boolean, session?, unread: boolean,
 *   editing: boolean, root?: string | null}} view `root` tells what a reply that is shown in the channel answers to
 */
export function renderMessage(message, view) {
  if (Object.hasOwn(NOTICES, message.subtype)) return notice(message, view);
  const { store, continued } = view;
  const user = store.user(message.user);
  const author = displayName(user, message.username ?? message.user);
  const kind = [
    continued && "is-continued",
    message.ephemeral && "is-ephemeral",
    view.editing && "is-editing",
    message.streaming && "is-streaming",
    message.subtype === "me_message" && "is-me-message",
  ];
  return h(
    "article",
    {
      class: ["message", ...kind.filter(Boolean)].join(" "),
      key: message.ts,
      "data-testid": "message",
      "data-ts": message.ts,
      "data-user": message.user,
      tabindex: -1,
      "aria-label": `Message from ${author}`,
      "aria-busy": message.streaming ? "true" : null,
    },
    h(
      "div",
      { class: "message-gutter" },
      continued ? timeElement(message.ts, true) : avatar(user ?? { id: message.user, name: author }),
    ),
    h(
      "div",
      { class: "message-main" },
      message.ephemeral && ephemeralNote(message, store),
      continued ? null : heading(message, user, author),
      broadcastNote(message, view),
      view.editing ? messageEditor(message, view) : body(message, view),
      fileCards(message, view),
      reactions(message, view),
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

function notice(message, view) {
  const { store, actions } = view;
  return h(
    "article",
    {
      class: "message is-notice",
      key: message.ts,
      tabindex: -1,
      "data-testid": "message",
      "data-ts": message.ts,
      "data-user": message.user,
      "aria-label": "Notice",
    },
    h("div", { class: "message-gutter" }, icon(NOTICES[message.subtype])),
    h(
      "div",
      { class: "message-main" },
      h("div", { class: "prose" }, mrkdwn(message.text, actions.names)),
      timeElement(message.ts),
      view.inThread ? null : replies(message, { ...view, store }),
    ),
  );
}

function ephemeralNote(message, store) {
  return h(
    "div",
    { class: "ephemeral-note" },
    icon("eye"),
    h("span", null, "Only visible to you"),
    h(
      "button",
      {
        type: "button",
        class: "link-button",
        "data-testid": "dismiss",
        onclick: () => store.dismiss(message.ts),
      },
      "Dismiss",
    ),
  );
}

/** A reply that was also sent to the channel says so on both sides. */
function broadcastNote(message, { store, channel, inThread, root }) {
  if (message.subtype !== "thread_broadcast" && !root) return null;
  if (inThread) return h("div", { class: "broadcast-note" }, "Also sent to the channel");
  const open = () => store.openThread(channel, message.thread_ts);
  return h(
    "div",
    { class: "broadcast-note" },
    "replied to a thread: ",
    h(
      "button",
      { type: "button", class: "link-button", dir: "auto", "data-testid": "broadcast-root", onclick: open },
      root,
    ),
  );
}

function body(message, view) {
  const { actions, channel, inThread } = view;
  const byId = (id) => (message.files ?? []).find((file) => file.id === id);
  const growing = Boolean(message.streaming);
  const context = actions.blockContext(
    { channel, ts: message.ts },
    {
      scope: `${inThread ? "thread" : "channel"}-${message.ts}`,
      growing,
      fileLink: (id) => fileCard(byId(id), view),
    },
  );
  const kind = isOnlyEmoji(message.text) ? "message-text is-large" : "message-text";
  const content = message.blocks?.length
    ? h("div", { class: "blocks" }, renderBlocks(message.blocks, context))
    : foldable(mrkdwn(message.text, actions.names), { growing }, kind);
  if (!message.edited || message.bot_id) return content;
  const mark = h("span", { class: "edited" }, " (edited)");
  const last = content.lastElementChild;
  (last?.nodeName === "P" ? last : content).append(mark);
  return content;
}

/** A few emoji and nothing else are shown large, typed either way. */
function isOnlyEmoji(text) {
  const rest = decodeEntities(text ?? "").replace(/:([a-z0-9_+-]{1,40}):/g, (whole, name) =>
    isEmoji(name) ? "✅" : whole,
  );
  const glyphs = [...new Intl.Segmenter().segment(rest.replace(/\s/g, ""))].map(({ segment }) => segment);
  const all = glyphs.every((one) => /^(\p{Extended_Pictographic}|\p{Regional_Indicator})/u.test(one));
  return glyphs.length > 0 && glyphs.length <= MOST_LARGE_EMOJI && all;
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
