/**
 * Owns the menus of Block Kit, one choice or many: of options the message brings, of people, of conversations, and
 * of what the app offers for what is typed.
 */

import { h } from "./dom.js";
import { plainText, textObject } from "./prose.js";

/** What a menu is of, by its type without `multi_`. */
const SOURCES = {
  static_select: ownOptions,
  users_select: (item, { lists }) => [{ options: lists.users }],
  channels_select: (item, { lists }) => [{ options: lists.channels }],
  conversations_select: (item, { lists }) => [{ options: lists.conversations }],
};
/** Whose options are ids: the state holds the id alone. */
const OF_IDS = ["users_select", "channels_select", "conversations_select"];

const base = (type) => String(type).replace(/^multi_/, "");
const isMany = (type) => type.startsWith("multi_");

export const isSelect = (item) =>
  Object.hasOwn(SOURCES, base(item?.type)) || base(item?.type) === "external_select";

/** `hooks` are the attributes by which the field is found again (see inputs.js). */
export function selectElement(item, blockId, context, hooks) {
  if (base(item.type) === "external_select") return external(item, blockId, context, hooks);
  const groups = SOURCES[base(item.type)](item, context);
  return isMany(item.type)
    ? checklist(item, blockId, groups, context, hooks)
    : dropDown(item, blockId, groups, context, hooks);
}

/** What is chosen, as Slack's state tells it: options, or ids of people and conversations; null is nothing. */
export function selected(node, item, context) {
  const kind = base(item.type);
  if (kind === "external_select") return isMany(item.type) ? (node.picked ?? []) : (node.picked?.[0] ?? null);
  const all = SOURCES[kind](item, context).flatMap(({ options }) => options);
  const given = (one) => (OF_IDS.includes(kind) ? one.value : one);
  if (!isMany(item.type)) return node.value === "" ? null : given(all[Number(node.value)]);
  return [...node.querySelectorAll("input:checked")].map((box) => given(all[Number(box.value)]));
}

function ownOptions(item) {
  return item.option_groups ?? [{ options: item.options ?? [] }];
}

/** The values chosen at first. */
function initial(item, blockId, context) {
  const names = ["option", "options", "user", "users", "channel", "channels", "conversation", "conversations"];
  const before = Object.values(context.chosen(item, blockId) ?? {});
  const given = before.length ? before : names.map((name) => item[`initial_${name}`]);
  return given
    .flat()
    .filter(Boolean)
    .map((one) => one.value ?? one);
}

function dropDown(item, blockId, groups, context, hooks) {
  const chosen = initial(item, blockId, context)[0];
  const all = groups.flatMap(({ options }) => options);
  const option = (one) =>
    h(
      "option",
      { value: all.indexOf(one), selected: one.value === chosen },
      one.text?.text ?? String(one.value),
    );
  const placeholder = item.placeholder?.text ?? "Choose…";
  return h(
    "select",
    {
      ...hooks,
      class: "select",
      "aria-label": item.placeholder?.text ?? "Choose",
      "data-focus": item.focus_on_load,
      onchange: ({ currentTarget }) => context.changed?.(item, blockId, currentTarget),
    },
    h("option", { value: "", disabled: true, hidden: true, selected: chosen === undefined }, placeholder),
    groups.map(({ label, options }) =>
      label ? h("optgroup", { label: label.text }, options.map(option)) : options.map(option),
    ),
  );
}

/** Many of a menu are ticked off in a list: no key needs to be held. */
function checklist(item, blockId, groups, context, hooks) {
  const chosen = initial(item, blockId, context);
  const all = groups.flatMap(({ options }) => options);
  const row = (one) =>
    h(
      "label",
      { class: "choice", key: `${hooks.id}/${one.value}` },
      h("input", {
        type: "checkbox",
        value: all.indexOf(one),
        checked: chosen.includes(one.value),
        onchange: ({ currentTarget }) =>
          context.changed?.(item, blockId, currentTarget.closest("[data-action-id]")),
      }),
      h("span", null, textObject(one.text, context.names)),
    );
  return h(
    "div",
    { ...hooks, class: "choices is-list", role: "group", "aria-label": item.placeholder?.text ?? "Choose" },
    groups.map(({ label, options }) => [
      label && h("div", { class: "choices-label" }, plainText(label.text)),
      options.map(row),
    ]),
  );
}

// --- what the app offers ---

function external(item, blockId, context, hooks) {
  const given = [item.initial_option, ...(item.initial_options ?? [])].filter(Boolean);
  const field = h("input", {
    class: "field",
    type: "search",
    placeholder: item.placeholder?.text ?? "Type to search",
    autocomplete: "off",
    role: "combobox",
    dir: "auto",
    "aria-label": item.placeholder?.text ?? "Search",
    "aria-expanded": "false",
    "aria-controls": `${hooks.id}-offers`,
    onkeydown: stepInto,
    oninput: ({ currentTarget }) => offer(item, blockId, currentTarget.closest("[data-action-id]"), context),
    onfocus: ({ currentTarget }) => offer(item, blockId, currentTarget.closest("[data-action-id]"), context),
  });
  const node = h(
    "div",
    { ...hooks, class: "external", "data-owned": true },
    h("div", { class: "external-chosen" }),
    field,
    h("div", { class: "external-offers", id: `${hooks.id}-offers`, role: "listbox", hidden: true }),
  );
  node.picked = given;
  showPicked(node, item, blockId, context);
  return node;
}

async function offer(item, blockId, node, context) {
  const field = node.querySelector("input");
  const typed = field.value;
  if (typed.length < (item.min_query_length ?? 3)) return close(node);
  const answer = await context.suggest(item, blockId, typed);
  if (!answer || field.value !== typed || !node.contains(document.activeElement)) return;
  const options = answer.options ?? answer.option_groups.flatMap((group) => group.options);
  const list = node.querySelector(".external-offers");
  const pick = (one) => {
    const others = (node.picked ?? []).filter(({ value }) => value !== one.value);
    node.picked = isMany(item.type) ? [...others, one] : [one];
    field.value = "";
    close(node);
    field.focus({ preventScroll: true });
    showPicked(node, item, blockId, context);
    context.changed?.(item, blockId, node);
  };
  list.replaceChildren(
    ...options.map((one) =>
      h(
        "button",
        { type: "button", class: "menu-item", role: "option", onkeydown: stepAlong, onclick: () => pick(one) },
        textObject(one.text, context.names),
      ),
    ),
    ...(options.length ? [] : [h("div", { class: "external-none" }, "Nothing found")]),
  );
  list.hidden = false;
  field.setAttribute("aria-expanded", "true");
}

function close(node) {
  node.querySelector(".external-offers").hidden = true;
  node.querySelector("input").setAttribute("aria-expanded", "false");
}

function showPicked(node, item, blockId, context) {
  const drop = (one) => {
    node.picked = node.picked.filter((other) => other !== one);
    showPicked(node, item, blockId, context);
    context.changed?.(item, blockId, node);
  };
  node.querySelector(".external-chosen").replaceChildren(
    ...node.picked.map((one) =>
      h(
        "button",
        { type: "button", class: "chip", "aria-label": `Remove ${one.text.text}`, onclick: () => drop(one) },
        textObject(one.text, context.names),
        h("span", { "aria-hidden": "true" }, "×"),
      ),
    ),
  );
}

function stepInto(event) {
  const list = event.currentTarget.closest(".external").querySelector(".external-offers");
  if (list.hidden) return;
  if (event.key === "ArrowDown") list.querySelector("button")?.focus();
  else if (event.key === "Escape") close(list.closest(".external"));
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function stepAlong(event) {
  const { currentTarget, key } = event;
  const field = currentTarget.closest(".external").querySelector("input");
  const next = { ArrowDown: currentTarget.nextElementSibling, ArrowUp: currentTarget.previousElementSibling ?? field };
  if (key === "Escape") {
    close(currentTarget.closest(".external"));
    field.focus();
  } else if (key in next) next[key]?.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
