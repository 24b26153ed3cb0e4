/**
 * Owns the fields of forms: how they look, and how what a person entered reads as Slack's `state.values`.
 * A field inside an `actions` or `section` block reports each change; inside an `input` block only on submit,
 * unless the block asks for more.
 */

import { h } from "./dom.js";
import { textObject } from "./prose.js";
import { isSelect, selected, selectElement } from "./selects.js";

const TYPED = {
  plain_text_input: "text",
  rich_text_input: "text",
  number_input: "text",
  email_text_input: "email",
  url_text_input: "url",
  datepicker: "date",
  timepicker: "time",
  datetimepicker: "datetime-local",
};

const CHOICES = { radio_buttons: "radio", checkboxes: "checkbox" };

/** Where the state of a field holds what was entered; the others use `value`. */
const STATE_NAMES = {
  datepicker: "selected_date",
  timepicker: "selected_time",
  datetimepicker: "selected_date_time",
  static_select: "selected_option",
  external_select: "selected_option",
  radio_buttons: "selected_option",
  checkboxes: "selected_options",
  multi_static_select: "selected_options",
  multi_external_select: "selected_options",
  users_select: "selected_user",
  multi_users_select: "selected_users",
  channels_select: "selected_channel",
  multi_channels_select: "selected_channels",
  conversations_select: "selected_conversation",
  multi_conversations_select: "selected_conversations",
  rich_text_input: "rich_text_value",
};

export const isInput = (item) =>
  Object.hasOwn(TYPED, item?.type) || Object.hasOwn(CHOICES, item?.type) || isSelect(item);

export function inputElement(item, blockId, context) {
  const id = fieldId(blockId, item, context);
  const hooks = {
    id,
    key: id,
    "data-action-id": item.action_id,
    "data-block-id": blockId,
    "data-kind": item.type,
  };
  if (isSelect(item)) return selectElement(item, blockId, context, hooks);
  return Object.hasOwn(TYPED, item.type)
    ? typed(item, blockId, context, hooks)
    : choices(item, blockId, context, hooks);
}

function typed(item, blockId, context, hooks) {
  const initial = initialText(item);
  const report = ({ currentTarget }) => context.changed?.(item, blockId, currentTarget);
  const onEnter = item.dispatch_action_config?.trigger_actions_on?.includes("on_enter_pressed") ?? true;
  const attributes = {
    ...hooks,
    class: "field",
    dir: "auto",
    placeholder: item.placeholder?.text,
    "aria-label": item.placeholder?.text,
    maxlength: item.max_length,
    inputmode: item.type === "number_input" ? (item.is_decimal_allowed ? "decimal" : "numeric") : null,
    "data-focus": item.focus_on_load,
    onchange: Object.hasOwn(STATE_NAMES, item.type) || onEnter ? report : null,
  };
  const tall = item.multiline || item.type === "rich_text_input";
  if (tall) return h("textarea", { ...attributes, rows: 4 }, initial);
  return h("input", { ...attributes, type: TYPED[item.type], value: initial });
}

function initialText(item) {
  const { initial_value: value, initial_date: date, initial_time: time, initial_date_time: moment } = item;
  if (moment) {
    const local = new Date((moment - new Date(moment * 1000).getTimezoneOffset() * 60) * 1000);
    return local.toISOString().slice(0, 16);
  }
  return typeof value === "object" ? null : (value ?? date ?? time ?? null);
}

function choices(item, blockId, context, hooks) {
  const before = Object.values(context.chosen(item, blockId) ?? {});
  const initial = (before.length ? before : [item.initial_option, item.initial_options])
    .flat()
    .filter(Boolean)
    .map((one) => one.value);
  const type = CHOICES[item.type];
  const one = (option, index) =>
    h(
      "label",
      { class: "choice", key: `${hooks.id}/${option.value}` },
      h("input", {
        type,
        name: hooks.id,
        value: index,
        checked: initial.includes(option.value),
        onchange: ({ currentTarget }) =>
          context.changed?.(item, blockId, currentTarget.closest("[data-action-id]")),
      }),
      h(
        "span",
        null,
        textObject(option.text, context.names),
        option.description && h("small", null, textObject(option.description, context.names)),
      ),
    );
  return h(
    "div",
    { ...hooks, class: "choices", role: type === "radio" ? "radiogroup" : "group" },
    (item.options ?? []).map(one),
  );
}

/** The same field may be on the screen twice, in the channel and in the thread: `scope` tells them apart. */
export const fieldId = (blockId, item, { scope = "" } = {}) =>
  ["field", scope, blockId, item.action_id].filter(Boolean).join("-");

/** Everything entered below `root`, as `{block_id: {action_id: value}}`. `blocks` say what each field is. */
export function stateValues(root, blocks, context = {}) {
  const values = {};
  for (const block of blocks) {
    for (const item of [block.element, block.accessory, ...(block.elements ?? [])]) {
      const node = item?.action_id && find(root, block.block_id, item.action_id);
      const value = node && stateValue(node, item, context);
      if (value) (values[block.block_id] ??= {})[item.action_id] = value;
    }
  }
  return values;
}

function find(root, blockId, actionId) {
  const all = [...root.querySelectorAll("[data-action-id]")];
  return all.find((node) => node.dataset.blockId === blockId && node.dataset.actionId === actionId);
}

/** What a field that reports each change reports: one value under the name the local API takes. */
export function changedField(node, item, context) {
  const { type: _, ...entered } = stateValue(node, item, context);
  const [value] = Object.values(entered);
  return typeof value === "string" || value === null
    ? { value: value ?? undefined }
    : { selected_option: value };
}

/** The state of one field, or null for an element without state (a button). */
function stateValue(node, item, context) {
  if (!isInput(item)) return null;
  return { type: item.type, [STATE_NAMES[item.type] ?? "value"]: entered(node, item, context) };
}

function entered(node, item, context) {
  if (isSelect(item)) return selected(node, item, context);
  if (Object.hasOwn(CHOICES, item.type)) {
    const picked = [...node.querySelectorAll("input:checked")].map((box) => item.options[Number(box.value)]);
    return item.type === "radio_buttons" ? (picked[0] ?? null) : picked;
  }
  if (!node.value) return null;
  if (item.type === "datetimepicker") return Math.round(new Date(node.value).getTime() / 1000);
  if (item.type === "rich_text_input") return asRichText(node.value);
  return node.value;
}

function asRichText(text) {
  const section = { type: "rich_text_section", elements: [{ type: "text", text }] };
  return { type: "rich_text", elements: [section] };
}
