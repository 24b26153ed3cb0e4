/**
 * Owns Block Kit: one pure function from a block to its elements. Each kind of block has an entry in KINDS; a kind
 * that has none shows its raw JSON, so nothing a bot sends is hidden.
 *
 * `context` carries what rendering needs from outside: {names, act(element, blockId, detail), chosen(element, blockId),
 * menu(anchor, items), changed?(element, blockId, node), suggest?(element, blockId, typed), lists?, scope?,
 * fileLink?(externalId), errors?, growing?}.
 */

import { fragment, h, webAddress } from "./dom.js";
import { element } from "./elements.js";
import { icon } from "./icons.js";
import { fieldId } from "./inputs.js";
import { plan, taskCard } from "./plan.js";
import { link, markdown, NO_NAMES, plainText, tableElement, textObject } from "./prose.js";
import { richText, richTextNodes } from "./rich-text.js";

const NO_LISTS = { users: [], channels: [], conversations: [] };
const INERT = { names: NO_NAMES, lists: NO_LISTS, act() {}, chosen: () => undefined, menu() {} };
/** Longer text is folded: about a screen of it stays in view. */
const LONG_TEXT = { characters: 3_000, lines: 40 };

const KINDS = {
  section,
  header: (block) => h("h3", { class: "block-header" }, plainText(block.text?.text ?? "")),
  context: contextBlock,
  divider: () => h("hr", { class: "block-divider" }),
  actions: (block, context) => h("div", { class: "block-actions" }, elements(block, context)),
  context_actions: (block, context) =>
    h("div", { class: "block-actions is-quiet" }, elements(block, context)),
  plan: (block, context) => plan(block, context.names),
  task_card: (block, context) => taskCard(block, context.names),
  markdown: (block, context) => foldable(markdown(block.text, context.names), context),
  rich_text: (block, context) => foldable(richText(block, context.names), context),
  table,
  alert,
  file,
  image,
  input,
};

export function renderBlocks(blocks, context = {}) {
  return fragment((blocks ?? []).map((block, index) => renderBlock(block, context, index)));
}

function renderBlock(block, context = {}, index = 0) {
  const render = Object.hasOwn(KINDS, block?.type) ? KINDS[block.type] : raw;
  const body = render(block, { ...INERT, ...context });
  return h(
    "div",
    {
      class: "block",
      key: `${block?.type}-${index}`,
      "data-block": block?.type,
      "data-testid": `block-${block?.type}`,
    },
    body,
  );
}

/** Prose that folds when it is long. While it is being written it stays open: its end is what people look at. */
export function foldable(content, { growing = false } = {}, kind = "") {
  const prose = h("div", { class: `prose ${kind}`.trim() }, content);
  const text = prose.textContent;
  const lines = text.split("\n").length + prose.querySelectorAll("p, li, br, tr").length;
  if (growing || (text.length <= LONG_TEXT.characters && lines <= LONG_TEXT.lines)) return prose;
  prose.classList.add("is-folded");
  const words = (name, text) => h("span", { class: `fold-${name}` }, text);
  return h(
    "div",
    { class: "fold" },
    prose,
    h(
      "details",
      { class: "fold-toggle", "data-testid": "show-more" },
      h("summary", null, words("more", "Show more"), words("less", "Show less")),
    ),
  );
}

function raw(block) {
  return h("pre", { class: "raw-block", tabindex: 0 }, JSON.stringify(block, null, 2));
}

function elements(block, context) {
  return (block.elements ?? []).map((item) => element(item, block.block_id, context) ?? raw(item));
}

function section(block, context) {
  const text = block.text && foldable(textObject(block.text, context.names), context);
  const fields =
    block.fields?.length > 0 &&
    h(
      "div",
      { class: "section-fields" },
      block.fields.map((field) => h("div", { class: "prose" }, textObject(field, context.names))),
    );
  const accessory =
    block.accessory && (element(block.accessory, block.block_id, context) ?? raw(block.accessory));
  return h(
    "div",
    { class: "section" },
    h("div", { class: "section-main" }, text, fields),
    accessory && h("div", { class: "section-accessory" }, accessory),
  );
}

function contextBlock(block, context) {
  const item = (one) =>
    one.type === "image"
      ? element(one, block.block_id, context)
      : h("span", { class: "prose" }, textObject(one, context.names));
  return h("div", { class: "block-context" }, (block.elements ?? []).map(item));
}

const ALERT_ICONS = { info: "info", warning: "warning", error: "warning", success: "check", default: "info" };

function alert(block, context) {
  const level = Object.hasOwn(ALERT_ICONS, block.level) ? block.level : "default";
  return h(
    "div",
    { class: `alert is-${level}`, role: "note" },
    icon(ALERT_ICONS[level]),
    h("div", { class: "prose" }, textObject(block.text, context.names)),
  );
}

function file(block, context) {
  return (
    context.fileLink?.(block.external_id) ??
    h(
      "div",
      { class: "file-card" },
      icon("file"),
      h("span", { class: "file-name" }, block.external_id ?? "file"),
    )
  );
}

/** A placeholder: nothing is loaded from elsewhere. */
function image(block) {
  const address = block.image_url ?? block.slack_file?.url;
  return h(
    "figure",
    { class: "image-block" },
    h(
      "div",
      { class: "image-placeholder", role: "img", "aria-label": block.alt_text ?? "image" },
      icon("image"),
      h("span", null, block.alt_text ?? ""),
    ),
    h(
      "figcaption",
      null,
      block.title && plainText(block.title.text ?? block.title),
      webAddress(address) && link(address, fragment("Open image")),
    ),
  );
}

function table(block, context) {
  const cell = (one) => {
    if (one?.type === "rich_text")
      return richTextNodes(one).flatMap((node) => node.children ?? [{ kind: "code", text: node.text ?? "" }]);
    return [{ kind: "text", text: String(one?.text ?? one?.value ?? "") }];
  };
  const align = (block.column_settings ?? []).map((column) =>
    ["left", "center", "right"].includes(column?.align) ? column.align : "left",
  );
  return tableElement({ rows: (block.rows ?? []).map((row) => row.map(cell)), align }, context.names);
}

function input(block, context) {
  const quiet = { ...context, changed: undefined, act() {} };
  const field = element(block.element, block.block_id, block.dispatch_action ? context : quiet);
  const error = context.errors?.[block.block_id];
  const id = fieldId(block.block_id, block.element ?? {}, context);
  if (field) describe(field, id, error);
  return h(
    "div",
    { class: error ? "input-block has-error" : "input-block" },
    h(
      "label",
      { for: id, id: `${id}-label`, class: "input-label" },
      plainText(block.label?.text ?? ""),
      block.optional && h("span", { class: "optional" }, " (optional)"),
    ),
    field ?? raw(block.element),
    block.hint && h("div", { class: "input-hint" }, plainText(block.hint.text ?? "")),
    error && fieldError(id, error),
  );
}

/** The label names the field; what is wrong with it is read out along with it. */
function describe(field, id, error) {
  field.id = id;
  const named = field.querySelector(":scope > [role=combobox]") ?? field;
  named.removeAttribute("aria-label");
  named.setAttribute("aria-labelledby", `${id}-label`);
  if (!error) return;
  named.setAttribute("aria-invalid", "true");
  named.setAttribute("aria-describedby", `${id}-error`);
}

function fieldError(id, text) {
  const attributes = { class: "input-error", id: `${id}-error`, role: "alert", "data-testid": "field-error" };
  return h("div", attributes, icon("warning"), text);
}
