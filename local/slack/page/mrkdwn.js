/**
 * Owns Slack's mrkdwn: which lines are quotes, lists, code fences or paragraphs. Marks inside a line are
 * inline.js; the nodes are the ones prose.js renders.
 */

import { decodeEntities, MRKDWN, parseInline } from "./inline.js";

const QUOTE = /^(?:&gt;|>) ?/;
const BULLET = /^(\s*)(?:[•◦▪‣]|-(?= ))\s+/;
const NUMBER = /^(\s*)(\d{1,3})[.)]\s+/;

/** @returns block nodes: paragraph, code, quote, list */
export function parseMrkdwn(text) {
  const blocks = [];
  const pieces = String(text ?? "").split("```");
  pieces.forEach((piece, index) => {
    const fenced = index % 2 === 1;
    const closed = index < pieces.length - 1;
    if (fenced && closed) blocks.push(codeBlock(piece));
    else if (fenced) blocks.push(...parseLines("```" + piece));
    else blocks.push(...parseLines(trimAroundFence(piece, index > 0, closed)));
  });
  return blocks;
}

function codeBlock(piece) {
  return { kind: "code_block", text: decodeEntities(piece.replace(/^\n/, "").replace(/\n$/, "")) };
}

/** The line break between a fence and the text beside it belongs to the fence. */
function trimAroundFence(piece, afterFence, beforeFence) {
  let text = piece;
  if (afterFence) text = text.replace(/^\n/, "");
  if (beforeFence) text = text.replace(/\n$/, "");
  return text;
}

/** A quote within a quote is text, as in Slack. */
function parseLines(text, quoted = false) {
  if (!text) return [];
  const lines = text.split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length;) {
    if (!quoted && /^(?:&gt;|>){3}/.test(lines[at])) {
      const rest = lines
        .slice(at)
        .join("\n")
        .replace(/^(?:&gt;|>){3} ?/, "");
      return [...blocks, { kind: "quote", children: parseLines(rest, true) }];
    }
    const [block, next] = readBlock(lines, at, quoted);
    blocks.push(block);
    at = next;
  }
  return blocks;
}

function readBlock(lines, at, quoted) {
  const run = (pattern) => {
    let end = at;
    while (end < lines.length && pattern.test(lines[end])) end++;
    return end;
  };
  if (!quoted && QUOTE.test(lines[at])) {
    const end = run(QUOTE);
    const inner = lines
      .slice(at, end)
      .map((line) => line.replace(QUOTE, ""))
      .join("\n");
    return [{ kind: "quote", children: parseLines(inner, true) }, end];
  }
  if (BULLET.test(lines[at])) {
    const end = run(BULLET);
    return [list(lines.slice(at, end), BULLET, false, 1), end];
  }
  if (NUMBER.test(lines[at])) {
    const end = run(NUMBER);
    return [list(lines.slice(at, end), NUMBER, true, Number(NUMBER.exec(lines[at])[2])), end];
  }
  let end = at + 1;
  const starters = quoted ? [BULLET, NUMBER] : [QUOTE, BULLET, NUMBER];
  while (end < lines.length && !starters.some((starter) => starter.test(lines[end]))) end++;
  return [{ kind: "paragraph", children: parseInline(lines.slice(at, end).join("\n"), MRKDWN) }, end];
}

function list(lines, marker, ordered, start) {
  const items = lines.map((line) => {
    const depth = Math.min(4, Math.floor(marker.exec(line)[1].length / 2));
    const children = [{ kind: "paragraph", children: parseInline(line.replace(marker, ""), MRKDWN) }];
    return { depth, children };
  });
  return { kind: "list", ordered, start, items };
}
