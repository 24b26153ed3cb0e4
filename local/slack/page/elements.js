/**
 * Owns the elements people press: buttons, overflow menus, feedback. They report through
 * `context.act(element, blockId, detail)` and draw nothing but themselves.
 */

import { h, webAddress } from "./dom.js";
import { icon } from "./icons.js";
import { inputElement, isInput } from "./inputs.js";
import { plainText } from "./prose.js";

const KINDS = {
  button,
  workflow_button: button,
  overflow,
  feedback_buttons: feedback,
  icon_button: iconButton,
  image: imageElement,
};

/** The element, or null when this page does not know its type. */
export function element(item, blockId, context) {
  if (Object.hasOwn(KINDS, item?.type)) return KINDS[item.type](item, blockId, context);
  return isInput(item) ? inputElement(item, blockId, context) : null;
}

const hooks = (item, blockId) => ({
  "data-action-id": item.action_id,
  "data-block-id": blockId,
  key: `${blockId}/${item.action_id ?? item.value ?? ""}`,
});

function button(item, blockId, context) {
  const style = ["primary", "danger"].includes(item.style) ? `is-${item.style}` : "";
  const href = webAddress(item.url);
  const press = () => context.act(item, blockId, { value: item.value });
  const attributes = {
    ...hooks(item, blockId),
    class: `button ${style}`.trim(),
    "aria-label": item.accessibility_label,
    onclick: press,
  };
  if (!href) return h("button", { type: "button", ...attributes }, plainText(item.text?.text ?? ""));
  return h(
    "a",
    { ...attributes, href, target: "_blank", rel: "noopener noreferrer" },
    plainText(item.text?.text ?? ""),
  );
}

function overflow(item, blockId, context) {
  const open = (event) =>
    context.menu(
      event.currentTarget,
      (item.options ?? []).map((one) => ({
        label: one.text?.text ?? one.value,
        hint: one.description?.text,
        href: webAddress(one.url),
        run: () => context.act(item, blockId, { selected_option: one }),
      })),
    );
  return h(
    "button",
    {
      type: "button",
      ...hooks(item, blockId),
      class: "button is-icon",
      "aria-label": "More options",
      "aria-haspopup": "menu",
      onclick: open,
    },
    icon("more"),
  );
}

function feedback(item, blockId, context) {
  const current = context.chosen(item, blockId)?.value;
  const one = (choice, name, fallback) =>
    choice &&
    h(
      "button",
      {
        type: "button",
        "data-action-id": item.action_id,
        "data-block-id": blockId,
        "data-value": choice.value,
        key: `${blockId}/${item.action_id}/${name}`,
        class: "feedback-button",
        "aria-label": choice.accessibility_label ?? choice.text?.text ?? fallback,
        "aria-pressed": current === choice.value ? "true" : "false",
        title: choice.text?.text ?? fallback,
        onclick: () => context.act(item, blockId, { value: choice.value }),
      },
      icon(name),
      h("span", null, choice.text?.text ?? fallback),
    );
  return h(
    "span",
    { class: "feedback", role: "group", "aria-label": "Feedback" },
    one(item.positive_button, "good", "Good"),
    one(item.negative_button, "bad", "Bad"),
  );
}

function iconButton(item, blockId, context) {
  const hidden = item.visible_to_user_ids && !item.visible_to_user_ids.includes(context.names.me);
  if (hidden) return h("span", { hidden: true });
  return h(
    "button",
    {
      type: "button",
      ...hooks(item, blockId),
      class: "feedback-button",
      "aria-label": item.accessibility_label ?? item.text?.text,
      title: item.text?.text,
      onclick: () => context.act(item, blockId, { value: item.value }),
    },
    icon(item.icon),
    h("span", null, item.text?.text ?? ""),
  );
}

/** Nothing is loaded from elsewhere: an image is shown by its description. */
function imageElement(item) {
  return h(
    "span",
    { class: "image-mark", role: "img", "aria-label": item.alt_text ?? "image", title: item.alt_text },
    icon("image"),
  );
}
