/** Owns Slack's rich_text block: translates its elements into the nodes prose.js renders. */

import { NO_NAMES, renderBlockNodes } from "./prose.js";

export function richText(block, names = NO_NAMES) {
  return renderBlockNodes(richTextNodes(block), names);
}

/** @returns block nodes; lists that continue one another at deeper indents become one list */
export function richTextNodes(block) {
  const nodes = [];
  for (const element of block?.elements ?? []) {
    const node = blockNode(element);
    const last = nodes.at(-1);
    const continues = last?.kind === "list" && node?.kind === "list" && last.ordered === node.ordered;
    if (continues) last.items.push(...node.items);
    else if (node) nodes.push(node);
  }
  return nodes;
}

function blockNode(element) {
  switch (element?.type) {
    case "rich_text_section":
      return { kind: "paragraph", children: inlineNodes(element.elements) };
    case "rich_text_preformatted":
      return { kind: "code_block", text: (element.elements ?? []).map(plain).join("") };
    case "rich_text_quote":
      return { kind: "quote", children: [{ kind: "paragraph", children: inlineNodes(element.elements) }] };
    case "rich_text_list":
      return {
        kind: "list",
        ordered: element.style === "ordered",
        start: (element.offset ?? 0) + 1,
        items: (element.elements ?? []).map((item) => ({
          depth: Math.min(4, element.indent ?? 0),
          children: [{ kind: "paragraph", children: inlineNodes(item.elements) }],
        })),
      };
  }
  return null;
}

const plain = (element) => element.text ?? element.url ?? element.name ?? "";

const inlineNodes = (elements) => (elements ?? []).flatMap(inlineNode);

function inlineNode(element) {
  const styled = (nodes) => withStyle(nodes, element.style ?? {});
  switch (element.type) {
    case "text":
      return element.style?.code
        ? withStyle([{ kind: "code", text: element.text ?? "" }], element.style)
        : styled(withBreaks(element.text ?? ""));
    case "link":
      return styled([
        { kind: "link", url: element.url, children: [{ kind: "text", text: element.text || element.url }] },
      ]);
    case "user":
      return styled([{ kind: "user", id: element.user_id, label: "" }]);
    case "channel":
      return styled([{ kind: "channel", id: element.channel_id, label: "" }]);
    case "usergroup":
      return styled([{ kind: "group", id: element.usergroup_id, label: "" }]);
    case "emoji":
      return [{ kind: "emoji", name: element.name }];
    case "broadcast":
      return [{ kind: "broadcast", name: element.range }];
    case "date":
      return [
        {
          kind: "date",
          seconds: element.timestamp,
          format: element.format,
          url: element.url,
          label: element.fallback ?? "",
        },
      ];
    case "color":
      return [{ kind: "code", text: element.value ?? "" }];
  }
  return [{ kind: "text", text: plain(element) }];
}

function withBreaks(text) {
  return text.split("\n").flatMap((line, index) => {
    const node = { kind: "text", text: line };
    return index ? [{ kind: "break" }, node] : [node];
  });
}

function withStyle(nodes, style) {
  const kinds = ["bold", "italic", "strike"].filter((kind) => style[kind]);
  return kinds.reduce((children, kind) => [{ kind, children }], nodes);
}
