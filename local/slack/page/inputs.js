/**
 * Owns the fields of forms: how they look, and how what a person entered reads as Slack's `state.values`.
 * A field inside an `actions` or `section` block reports each change; inside an `input` block only on submit,
 * unless the block asks for more.
 */

import { h } from "./dom.js";
import { textObject } from "./prose.js";

const TYPED = {
  plain_text_input: "text",
  number_input: "number",
  email_text_input: "email",
  url_text_input: "url",
  datepicker: "date",
  timepicker: "time",
};

const CHOICES = { radio_buttons: "radio", checkboxes: "checkbox", multi_static_select: "checkbox" };

export const isInput = (item) => Object.hasOwn(TYPED, item?.type) || Object.hasOwn(CHOICES, item?.type);

export function inputElement(item, blockId, context) {
  return Object.hasOwn(TYPED, item.type) ? typed(item, blockId, context) : choices(item, blockId, context);
}

function typed(item, blockId, context) {
  const initial = item.initial_value ?? item.initial_date ?? item.initial_time ?? null;
  const attributes = {
    class: "field",
    id: fieldId(blockId, item),
    key: fieldId(blockId, item),
    "data-action-id": item.action_id,
    "data-block-id": blockId,
    "data-kind": item.type,
    placeholder: item.placeholder?.text,
    maxlength: item.max_length,
    min: item.min_value,
    max: item.max_value,
    step: item.is_decimal_allowed ? "any" : null,
    "data-focus": item.focus_on_load,
    onchange: () => context.changed?.(item, blockId),
  };
  if (item.multiline) return h("textarea", { ...attributes, rows: 5 }, initial);
  return h("input", { ...attributes, type: TYPED[item.type], value: initial });
}

function choices(item, blockId, context) {
  const initial = [item.initial_option, ...(item.initial_options ?? [])]
    .filter(Boolean)
    .map((one) => one.value);
  const name = fieldId(blockId, item);
  const one = (option, index) =>
    h(
      "label",
      { class: "choice", key: `${name}/${option.value}` },
      h("input", {
        type: CHOICES[item.type],
        name,
        value: index,
        checked: initial.includes(option.value),
        onchange: () => context.changed?.(item, blockId),
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
    {
      class: "choices",
      id: name,
      key: name,
      role: CHOICES[item.type] === "radio" ? "radiogroup" : "group",
      "data-action-id": item.action_id,
      "data-block-id": blockId,
      "data-kind": item.type,
    },
    (item.options ?? []).map(one),
  );
}

export const fieldId = (blockId, item) => `field-${blockId}-${item.action_id}`;

/** Everything entered below `root`, as `{block_id: {action_id: value}}`. `blocks` say what each field is. */
export function stateValues(root, blocks) {
  const values = {};
  for (const block of blocks) {
    for (const item of [block.element, block.accessory, ...(block.elements ?? [])]) {
      const node = item?.action_id && find(root, block.block_id, item.action_id);
      const value = node && stateValue(node, item);
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
export function changedField(root, item, blockId) {
  const { type, ...entered } = stateValue(find(root, blockId, item.action_id), item);
  const [value] = Object.values(entered);
  return Object.hasOwn(CHOICES, type) ? { selected_option: value } : { value };
}

/** The state of one field, or null for an element without state (a button). */
function stateValue(node, item) {
  const { type } = item;
  if (type === "static_select") {
    const all = item.options ?? item.option_groups?.flatMap(({ options }) => options) ?? [];
    return { type, selected_option: node.value === "" ? null : all[Number(node.value)] };
  }
  if (type === "datepicker") return { type, selected_date: node.value || null };
  if (type === "timepicker") return { type, selected_time: node.value || null };
  if (Object.hasOwn(TYPED, type)) return { type, value: node.value || null };
  if (!Object.hasOwn(CHOICES, type)) return null;
  const picked = [...node.querySelectorAll("input:checked")].map(
    (input) => item.options[Number(input.value)],
  );
  return type === "radio_buttons"
    ? { type, selected_option: picked[0] ?? null }
    : { type, selected_options: picked };
}
