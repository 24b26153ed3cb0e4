/**
 * Owns how parsed text becomes elements. Everything arrives as nodes (inline.js, mrkdwn.js, markdown.js,
 * rich-text.js) and leaves as elements holding text nodes; only http and https addresses become links.
 *
 * `names` answers what an id is called: {user(id), channel(id), me}.
 */

import { fragment, h, webAddress } from "./dom.js";
import { emoji, isEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { parseMarkdown } from "./markdown.js";
import { parseMrkdwn } from "./mrkdwn.js";
import { formatDate } from "./time.js";

export const NO_NAMES = { user: () => null, channel: () => null, me: null };

export function mrkdwn(text, names = NO_NAMES) {
  return renderBlockNodes(parseMrkdwn(text), names);
}

export function markdown(text, names = NO_NAMES) {
  return renderBlockNodes(parseMarkdown(text), names);
}

/** A text object: `{type: "mrkdwn"|"plain_text", text}`, or the bare string some fields take. */
export function textObject(object, names = NO_NAMES) {
  if (typeof object === "string") return plainText(object);
  if (object?.type === "mrkdwn") return mrkdwn(object.text, names);
  return plainText(object?.text ?? "");
}

/** Plain text keeps its line breaks, and emoji by name as Slack shows them. */
export function plainText(text) {
  const parts = String(text).split(/(:[a-z0-9_+-]{1,40}:)/);
  return fragment(
    parts.map((part) =>
      isEmoji(part.slice(1, -1)) && part.startsWith(":") ? emoji(part.slice(1, -1)) : part,
    ),
  );
}

export function renderBlockNodes(nodes, names) {
  return fragment(nodes.map((node) => blockElement(node, names)));
}

function renderInlineNodes(nodes, names) {
  return fragment(nodes.map((node) => inlineElement(node, names)));
}

function blockElement(node, names) {
  switch (node.kind) {
    case "paragraph":
      return h("p", null, renderInlineNodes(node.children, names));
    case "heading":
      return h(
        `h${Math.min(6, node.level + 2)}`,
        { class: `prose-h${node.level}` },
        renderInlineNodes(node.children, names),
      );
    case "code_block":
      return h("pre", { class: "code-block", tabindex: 0 }, h("code", null, node.text));
    case "quote":
      return h("blockquote", null, renderBlockNodes(node.children, names));
    case "list":
      return listElement(node, names);
    case "table":
      return tableElement(node, names);
    case "rule":
      return h("hr", null);
  }
  return null;
}

function listElement({ ordered, start, items }, names) {
  return h(
    ordered ? "ol" : "ul",
    { start: ordered && start !== 1 ? start : null },
    items.map(({ depth, checked, children }) =>
      h(
        "li",
        { class: checked === undefined ? (depth ? `depth-${depth}` : null) : "check-item" },
        checked === undefined ? null : checkMark(checked),
        renderBlockNodes(children, names),
      ),
    ),
  );
}

function checkMark(checked) {
  return h(
    "span",
    {
      class: `check-box ${checked ? "is-checked" : ""}`,
      role: "img",
      "aria-label": checked ? "done" : "not done",
    },
    checked ? icon("check") : null,
  );
}

export function tableElement({ rows: [head, ...body], align = [] }, names) {
  const row = (tag) => (cells) =>
    h(
      "tr",
      null,
      cells.map((cell, column) =>
        h(tag, { class: `align-${align[column] ?? "left"}` }, renderInlineNodes(cell, names)),
      ),
    );
  return h(
    "div",
    { class: "table-scroll", tabindex: 0 },
    h("table", null, h("thead", null, row("th")(head ?? [])), h("tbody", null, body.map(row("td")))),
  );
}

const TAGS = { bold: "strong", italic: "em", strike: "del" };

function inlineElement(node, names) {
  switch (node.kind) {
    case "text":
      return node.text;
    case "code":
      return h("code", null, node.text);
    case "break":
      return h("br", null);
    case "bold":
    case "italic":
    case "strike":
      return h(TAGS[node.kind], null, renderInlineNodes(node.children, names));
    case "link":
      return link(node.url, renderInlineNodes(node.children, names));
    case "user":
      return mention(`@${names.user(node.id) ?? (node.label || node.id)}`, node.id === names.me);
    case "channel":
      return mention(`#${names.channel(node.id) ?? (node.label || node.id)}`);
    case "group":
      return mention(node.label || `@${names.group?.(node.id) ?? node.id}`);
    case "broadcast":
      return mention(`@${node.name}`, true);
    case "emoji":
      return emoji(node.name);
    case "date": {
      const text = formatDate(node.seconds, node.format, node.label);
      return node.url
        ? link(node.url, fragment(text))
        : h("span", { class: "date", title: node.label }, text);
    }
  }
  return null;
}

function mention(text, forMe = false) {
  return h("span", { class: forMe ? "mention is-me" : "mention" }, text);
}

/** What is not a web address stays readable text, with the address in view and nothing to click. */
export function link(url, label) {
  const href = webAddress(url);
  if (href) return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label);
  const shown = h("span", { class: "dead-link", title: "Not a web address" }, label);
  if (shown.textContent !== url) shown.append(` (${url})`);
  return shown;
}
