/**
 * Owns a scrolling list of messages: only what changed is rendered again, the reader's place is kept, and the list
 * follows new messages only while the reader is at its end.
 */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { renderMessage } from "./message.js";
import { morph } from "./morph.js";
import { dayName } from "./time.js";

const AT_END_PIXELS = 60;
const CONTINUES_SECONDS = 300;

export class MessageList {
  /** @param {{store, actions, inThread: boolean, intro(): Node | null}} options */
  constructor(options) {
    this.options = options;
    this.shown = new Map();
    this.conversation = null;
    this.list = h("div", {
      class: "message-list",
      role: "log",
      "aria-live": "off",
      "aria-label": options.inThread ? "Thread" : "Messages",
    });
    this.jump = h(
      "button",
      { type: "button", class: "jump", hidden: true, onclick: () => this.toEnd() },
      icon("down"),
      "New messages",
    );
    this.scroller = h(
      "div",
      {
        class: "scroller",
        tabindex: 0,
        role: "group",
        "aria-label": options.inThread ? "Thread, arrows step" : "Messages, arrows step",
      },
      this.list,
    );
    this.scroller.addEventListener("keydown", (event) => this.onKeydown(event));
    // What is unfolded grows downwards: the reader stays at its beginning.
    this.list.addEventListener("click", ({ target }) => {
      if (target.closest("summary")) this.following = false;
    });
    this.scroller.addEventListener("scroll", () => this.onScroll(), { passive: true });
    this.following = true;
    new ResizeObserver(() => this.following && this.toEnd()).observe(this.list);
    new ResizeObserver(() => this.following && this.toEnd()).observe(this.scroller);
    this.node = h("div", { class: "messages" }, this.scroller, this.jump);
  }

  /** @param {string} conversation changes when another list is shown: the end is in view then */
  update(conversation, messages, details) {
    if (conversation !== this.conversation) this.reset(conversation);
    this.list.setAttribute("aria-busy", messages ? "false" : "true");
    if (!messages) return;
    // Scroll events come late: what counts is where the reader is at this moment.
    if (this.shown.size > 0) this.following = this.isAtEnd();
    const newest = messages.at(-1);
    const arrived = newest && !this.shown.has(newest.ts) && this.shown.size > 0;
    const wanted = this.rows(messages, details);
    place(this.list, wanted);
    const keep = new Set(messages.map((message) => message.ts));
    for (const ts of this.shown.keys()) if (!keep.has(ts)) this.shown.delete(ts);
    if (arrived && newest.user === this.options.store.me) this.following = true;
    if (this.following) this.toEnd();
    else if (arrived) this.jump.hidden = false;
  }

  reset(conversation) {
    this.conversation = conversation;
    this.shown.clear();
    this.list.replaceChildren();
    this.following = true;
    this.jump.hidden = true;
  }

  rows(messages, details) {
    const rows = [this.options.intro(messages)];
    const { newFrom } = this.options.store.state;
    let previous = null;
    messages.forEach((message, index) => {
      const day = dayName(new Date(Number(message.ts) * 1000));
      const newDay = !previous || day !== dayName(new Date(Number(previous.ts) * 1000));
      if (newDay && !this.options.inThread) rows.push(separator(day));
      if (newFrom && message.ts === newFrom && !this.options.inThread) rows.push(separator("New", "is-new"));
      rows.push(
        this.row(message, {
          ...details(message),
          continued: !newDay && continues(previous, message, index, this.options.inThread),
        }),
      );
      if (this.options.inThread && index === 0) rows.push(separator(replyWords(messages)));
      previous = message;
    });
    return rows.filter(Boolean);
  }

  /** The node of a message: the one on the screen when nothing about it changed, patched when something did. */
  row(message, view) {
    const { store, actions, inThread } = this.options;
    const facts = JSON.stringify([
      message,
      view,
      actions.choices.size && [...actions.choices].filter(([key]) => key.includes(message.ts)),
    ]);
    const known = this.shown.get(message.ts);
    if (known?.facts === facts) return known.node;
    const fresh = renderMessage(message, { ...view, store, actions, inThread });
    const node = known ? morph(known.node, fresh) : fresh;
    if (view.editing && !known?.editing) requestAnimationFrame(() => editorOf(node)?.focus());
    if (!view.editing && known?.editing) requestAnimationFrame(() => document.activeElement === document.body && node.focus());
    this.shown.set(message.ts, { facts, node, editing: view.editing });
    return node;
  }

  /** Arrows step from message to message; Tab goes on into the one that has the focus, Enter opens its thread. */
  onKeydown(event) {
    const { target, key } = event;
    const messages = [...this.list.querySelectorAll(":scope > .message")];
    const at = messages.indexOf(target);
    if (target !== this.scroller && at < 0) return;
    const steps = { ArrowDown: at + 1, ArrowUp: at < 0 ? messages.length - 1 : at - 1, Home: 0 };
    const next = key === "End" ? messages.at(-1) : messages[steps[key]];
    if (key === "Enter" && at >= 0) {
      target.querySelector("[data-testid=reply-in-thread]")?.click();
    } else if (next) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    } else return;
    event.preventDefault();
  }

  /** Begin to change the last message of this person that is in view. */
  editLast() {
    const { store, inThread } = this.options;
    const { channelMessages, threadMessages } = store.state;
    const own = (inThread ? threadMessages : channelMessages)?.findLast(
      (one) => one.user === store.me && !one.ephemeral && !["channel_join", "tombstone"].includes(one.subtype),
    );
    if (own) store.set({ editing: { ts: own.ts, inThread } });
  }

  onScroll() {
    this.following = this.isAtEnd();
    if (this.following) this.jump.hidden = true;
  }

  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < AT_END_PIXELS;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.following = true;
    this.jump.hidden = true;
  }
}

const editorOf = (node) => node.querySelector("textarea");

/** Put `wanted` into `list` in order, touching only what is not in its place. */
function place(list, wanted) {
  const keep = new Set(wanted);
  for (const child of [...list.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((node, index) => {
    if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null);
  });
}

/** A short message right after another of the same person needs no second heading. */
function continues(previous, message, index, inThread) {
  if (!previous || (inThread && index === 1)) return false;
  const plain = (one) => !one.blocks?.length && !one.ephemeral && [undefined, "file_share"].includes(one.subtype);
  const close = Number(message.ts) - Number(previous.ts) < CONTINUES_SECONDS;
  return (
    previous.user === message.user && close && plain(previous) && plain(message) && !previous.reply_count
  );
}

function separator(text, kind = "") {
  const attributes = { class: `separator ${kind}`.trim(), role: "separator", "aria-label": text };
  return h("div", attributes, h("span", null, text));
}

function replyWords(messages) {
  const count = messages.slice(1).filter((message) => !message.ephemeral).length;
  if (count === 0) return "No replies yet";
  return count === 1 ? "1 reply" : `${count} replies`;
}
