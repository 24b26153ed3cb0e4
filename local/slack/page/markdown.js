/**
 * Owns standard markdown as Slack's markdown block takes it: headings, lists, quotes, fences, tables, rules.
 * Marks inside a line are inline.js; the nodes are the ones prose.js renders. HTML stays text.
 */

import { MARKDOWN, parseInline } from "./inline.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^(\s*)(?:[-*+•]|(\d{1,9})[.)])\s+(?:\[([ xX])\]\s+)?/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const MAX_DEPTH = 8;

const READERS = [readFence, readHeading, readRule, readQuote, readTable, readList];

/** @returns block nodes: paragraph, heading, code_block, quote, list, table, rule */
export function parseMarkdown(text, depth = 0) {
  const lines = String(text ?? "").split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length;) {
    if (!lines[at].trim()) {
      at++;
      continue;
    }
    const [block, next] = readBlock(lines, at, depth);
    blocks.push(block);
    at = next;
  }
  return blocks;
}

function readBlock(lines, at, depth) {
  if (depth < MAX_DEPTH) {
    for (const reader of READERS) {
      const found = reader(lines, at, depth);
      if (found) return found;
    }
  }
  return readParagraph(lines, at, depth);
}

const inline = (text) => parseInline(text, MARKDOWN);

function readFence(lines, at) {
  const open = FENCE.exec(lines[at]);
  if (!open) return null;
  const close = (line) => line.trim().startsWith(open[1]) && !line.trim().slice(open[1].length).trim();
  let end = at + 1;
  while (end < lines.length && !close(lines[end])) end++;
  return [{ kind: "code_block", text: lines.slice(at + 1, end).join("\n"), language: open[2] }, end + 1];
}

function readHeading(lines, at) {
  const match = HEADING.exec(lines[at]);
  return match && [{ kind: "heading", level: match[1].length, children: inline(match[2]) }, at + 1];
}

function readRule(lines, at) {
  return RULE.test(lines[at]) ? [{ kind: "rule" }, at + 1] : null;
}

function readQuote(lines, at, depth) {
  if (!QUOTE.test(lines[at])) return null;
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end])) end++;
  const inner = lines
    .slice(at, end)
    .map((line) => line.replace(QUOTE, ""))
    .join("\n");
  return [{ kind: "quote", children: parseMarkdown(inner, depth + 1) }, end];
}

function readTable(lines, at) {
  if (!lines[at].includes("|") || !TABLE_RULE.test(lines[at + 1] ?? "") || !lines[at + 1].includes("-")) {
    return null;
  }
  const align = cells(lines[at + 1]).map((rule) => {
    if (rule.endsWith(":")) return rule.startsWith(":") ? "center" : "right";
    return "left";
  });
  const head = cells(lines[at]);
  if (head.length !== align.length) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) end++;
  const rows = [head, ...lines.slice(at + 2, end).map(cells)].map((row) =>
    head.map((_, column) => inline(row[column] ?? "")),
  );
  return [{ kind: "table", align, rows }, end];
}

function cells(line) {
  return line
    .trim()
    .replace(/^\||(?<!\\)\|$/g, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

/** Items may hold anything that is indented below their marker, further lists included. */
function readList(lines, at, depth) {
  const first = ITEM.exec(lines[at]);
  if (!first || RULE.test(lines[at])) return null;
  const indent = first[1].length;
  const ordered = first[2] !== undefined;
  const items = [];
  let end = at;
  while (end < lines.length) {
    const match = ITEM.exec(lines[end]);
    const mine = match && Math.abs(match[1].length - indent) < 2 && (match[2] !== undefined) === ordered;
    if (!mine) break;
    const [body, next] = itemBody(lines, end, match, indent);
    const checked = match[3] === undefined ? undefined : match[3] !== " ";
    items.push({ depth: 0, checked, children: parseMarkdown(body, depth + 1) });
    end = next;
  }
  return [{ kind: "list", ordered, start: ordered ? Number(first[2]) : 1, items }, end];
}

function itemBody(lines, at, match, indent) {
  const body = [lines[at].slice(match[0].length)];
  const width = lines[at].search(/\S/) + (match[2] ? match[2].length + 2 : 2);
  let end = at + 1;
  while (end < lines.length && continuesItem(lines, end, indent)) {
    body.push(lines[end].slice(Math.min(leading(lines[end]), width)));
    end++;
  }
  while (end < lines.length && !lines[end].trim() && ITEM.test(lines[end + 1] ?? "")) end++;
  return [body.join("\n"), end];
}

function continuesItem(lines, at, indent) {
  const line = lines[at];
  if (!line.trim()) return Boolean(lines[at + 1]?.trim()) && leading(lines[at + 1]) >= indent + 2;
  return leading(line) >= indent + 2 || (lines[at - 1].trim() && !startsBlock(line));
}

const leading = (line) => /^\s*/.exec(line)[0].length;

function startsBlock(line) {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));
}

function readParagraph(lines, at, depth) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !(depth < MAX_DEPTH && startsBlock(lines[end]))) end++;
  return [
    {
      kind: "paragraph",
      children: inline(
        lines
          .slice(at, end)
          .map((line) => line.trim())
          .join("\n"),
      ),
    },
    end,
  ];
}
