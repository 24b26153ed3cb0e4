/**
 * Owns the marks inside a line of text: emphasis, code, links, mentions, emoji. One scanner reads both of
 * Slack's dialects (mrkdwn.js, markdown.js) into nodes; prose.js turns nodes into elements.
 *
 * Nodes: {kind: "text"|"code", text}, {kind: "bold"|"italic"|"strike", children}, {kind: "link", url, children},
 * {kind: "user"|"channel"|"group", id, label}, {kind: "broadcast"|"emoji", name}, {kind: "date", …}, {kind: "break"}.
 */

import { isEmoji } from "./emoji.js";

/** Bounds the work hostile text can cause: deeper nesting and longer spans stay literal. */
const MAX_DEPTH = 12;
const MAX_SPAN = 4_000;

export const MRKDWN = {
  marks: [
    ["*", "bold"],
    ["_", "italic"],
    ["~", "strike"],
  ],
  spansLines: false,
  markdownLinks: false,
};

export const MARKDOWN = {
  marks: [
    ["***", "both"],
    ["**", "bold"],
    ["__", "bold"],
    ["~~", "strike"],
    ["*", "italic"],
    ["_", "italic"],
  ],
  spansLines: true,
  markdownLinks: true,
};

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

export function decodeEntities(text) {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);
}

export function parseInline(text, dialect, depth = 0) {
  const nodes = [];
  let plain = "";
  const flush = () => {
    if (plain) nodes.push({ kind: "text", text: decodeEntities(plain) });
    plain = "";
  };
  for (let at = 0; at < text.length;) {
    const found = depth <= MAX_DEPTH ? read(text, at, dialect, depth) : null;
    if (!found) {
      plain += text[at++];
      continue;
    }
    if (found.literal !== undefined) plain += found.literal;
    else {
      flush();
      nodes.push(found.node);
    }
    at = found.end;
  }
  flush();
  return nodes;
}

/** What starts at `at`, or null when the character is only itself. */
function read(text, at, dialect, depth) {
  switch (text[at]) {
    case "\n":
      return { node: { kind: "break" }, end: at + 1 };
    case "`":
      return readCode(text, at, dialect);
    case "<":
      return readAngle(text, at);
    case ":":
      return readEmoji(text, at);
    case "h":
    case "H":
      return readBareLink(text, at);
    case "\\":
      return dialect.markdownLinks ? readEscape(text, at) : null;
    case "!":
    case "[":
      return dialect.markdownLinks ? readMarkdownLink(text, at, dialect, depth) : null;
    default:
      return readMark(text, at, dialect, depth);
  }
}

function readCode(text, at, dialect) {
  const ticks = /`+/y;
  ticks.lastIndex = at;
  const fence = ticks.exec(text)[0];
  const start = at + fence.length;
  const end = text.indexOf(fence, start);
  if (end <= start) return { literal: fence, end: start };
  const body = text.slice(start, end);
  if (!dialect.spansLines && body.includes("\n")) return { literal: fence, end: start };
  const trimmed = body.replace(/^ (.*\S.*) $/s, "$1").replace(/\n/g, " ");
  return { node: { kind: "code", text: decodeEntities(trimmed) }, end: end + fence.length };
}

/** `<https://…|label>`, `<@U…>`, `<#C…>`, `<!here>`, `<!date^…>`. Anything else in angles is plain text. */
function readAngle(text, at) {
  const end = text.indexOf(">", at);
  if (end < 0 || end - at > MAX_SPAN) return null;
  const [target, ...rest] = text.slice(at + 1, end).split("|");
  const label = decodeEntities(rest.join("|"));
  const node = angleNode(decodeEntities(target), label);
  return node && { node, end: end + 1 };
}

function angleNode(target, label) {
  let match;
  if (/^(https?:\/\/|mailto:)\S+$/i.test(target)) {
    const text = label || target.replace(/^mailto:/i, "");
    return { kind: "link", url: target, children: [{ kind: "text", text }] };
  }
  if ((match = /^@([UWB][A-Z0-9]+)$/.exec(target))) return { kind: "user", id: match[1], label };
  if ((match = /^#([CGD][A-Z0-9]+)$/.exec(target))) return { kind: "channel", id: match[1], label };
  if ((match = /^!(here|channel|everyone)$/.exec(target))) return { kind: "broadcast", name: match[1] };
  if ((match = /^!subteam\^(\w+)$/.exec(target))) return { kind: "group", id: match[1], label };
  if ((match = /^!date\^(\d+)\^([^^]*)(?:\^(.*))?$/.exec(target))) {
    return { kind: "date", seconds: match[1], format: match[2], url: match[3], label };
  }
  return null;
}

function readEmoji(text, at) {
  const pattern = /:([a-z0-9_+-]{1,40}):/y;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (!match || !isEmoji(match[1])) return null;
  return { node: { kind: "emoji", name: match[1] }, end: at + match[0].length };
}

function readBareLink(text, at) {
  if (isWord(text[at - 1])) return null;
  const pattern = /https?:\/\/[^\s<>"`|\\^{}]+/iy;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (!match) return null;
  let address = match[0].replace(/[.,;:!?*_~'\]]+$/, "");
  if (address.endsWith(")") && !address.includes("(")) address = address.slice(0, -1);
  const url = decodeEntities(address);
  return { node: { kind: "link", url, children: [{ kind: "text", text: url }] }, end: at + address.length };
}

function readEscape(text, at) {
  const next = text[at + 1];
  return next && /[!-/:-@[-`{-~]/.test(next) ? { literal: next, end: at + 2 } : null;
}

/** `[label](url)`; an image `![alt](url)` becomes a link too: the page loads nothing from elsewhere. */
function readMarkdownLink(text, at, dialect, depth) {
  const pattern =
    /!?\[((?:[^[\]\n]|\[[^[\]\n]*\]){0,500})\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"\n]*")?\s*\)/y;
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  if (!match) return null;
  const children = parseInline(match[1] || match[2], dialect, depth + 1);
  return { node: { kind: "link", url: match[2], children }, end: at + match[0].length };
}

function readMark(text, at, dialect, depth) {
  for (const [mark, kind] of dialect.marks) {
    if (!text.startsWith(mark, at) || !opens(text, at, mark, dialect)) continue;
    const end = closing(text, at + mark.length, mark, dialect);
    if (end < 0) continue;
    const inner = parseInline(text.slice(at + mark.length, end), dialect, depth + 1);
    const node =
      kind === "both"
        ? { kind: "bold", children: [{ kind: "italic", children: inner }] }
        : { kind, children: inner };
    return { node, end: end + mark.length };
  }
  return null;
}

const isWord = (char) => char !== undefined && /[\p{L}\p{N}]/u.test(char);
const isBlank = (char) => char === undefined || /\s/.test(char);

/** Asterisks may stand inside a word in markdown; everything else needs a word's edge. */
const needsEdge = (mark, dialect) => !(dialect.markdownLinks && mark[0] === "*");

function opens(text, at, mark, dialect) {
  const after = text[at + mark.length];
  if (isBlank(after) || after === mark[0]) return false;
  return text[at - 1] !== mark[0] && !(needsEdge(mark, dialect) && isWord(text[at - 1]));
}

/** Where the matching mark starts, or -1. Marks inside code do not count. */
function closing(text, from, mark, dialect) {
  const limit = Math.min(text.length, from + MAX_SPAN);
  for (let at = from; at < limit; at++) {
    if (text[at] === "\n" && !dialect.spansLines) return -1;
    if (text[at] === "`") {
      const end = text.indexOf("`", at + 1);
      if (end > at && end < limit) at = end;
      continue;
    }
    if (dialect.markdownLinks && text[at] === "\\") {
      at++;
      continue;
    }
    if (!text.startsWith(mark, at)) continue;
    const run = runLength(text, at, mark[0]);
    const fits = mark.length === 1 ? run !== 2 : run >= mark.length; // `**` never closes `*`
    const edge = !needsEdge(mark, dialect) || !isWord(text[at + mark.length]);
    if (at > from && fits && edge && !isBlank(text[at - 1])) return at + (run === 3 ? 3 - mark.length : 0); // `*a **b***`
    at += run - 1;
  }
  return -1;
}

function runLength(text, at, char) {
  let length = 0;
  while (text[at + length] === char) length++;
  return length;
}
