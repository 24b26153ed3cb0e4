/**
 * Owns the modals on the screen: the newest view of this person, its fields, and what their server says of them.
 * Views that lie below keep what was typed into them.
 */

import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { icon, statusIcon } from "./icons.js";
import { stateValues } from "./inputs.js";
import { morph } from "./morph.js";
import { plainText } from "./prose.js";

const FIELDS = [
  "[data-focus]",
  ".field, .select, .choices input:checked, .choices input",
  "[data-testid=modal-submit], [data-testid=modal-close]",
];

export class Modal {
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    /** By view id: {node, facts, errors, busy, focused}. */
    this.forms = new Map();
    this.views = [];
    this.dialog = h("dialog", { class: "dialog", "data-testid": "modal", "aria-labelledby": "modal-title" });
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    document.body.append(this.dialog);
  }

  get view() {
    return this.views.at(-1) ?? null;
  }

  update(state) {
    this.views = state.workspace?.views ?? [];
    const open = this.views.map((view) => view.id);
    for (const id of this.forms.keys()) if (!open.includes(id)) this.forms.delete(id);
    if (!this.view) return this.leave();
    this.render();
    if (!this.dialog.open) this.dialog.showModal();
    this.focusFirst();
  }

  /** The browser gives the focus back to where it was; when that is gone, writing goes on. */
  leave() {
    if (!this.dialog.open) return;
    this.dialog.close();
    this.dialog.replaceChildren();
    if (document.activeElement !== document.body) return;
    [...document.querySelectorAll(".composer-input")].findLast((field) => field.checkVisibility())?.focus();
  }

  form() {
    const { id } = this.view;
    const fresh = { node: null, facts: "", errors: {}, busy: false, focused: false };
    if (!this.forms.has(id)) this.forms.set(id, fresh);
    return this.forms.get(id);
  }

  render() {
    const form = this.form();
    const facts = JSON.stringify([this.views, form.errors, form.busy]);
    if (facts !== form.facts) {
      const fresh = this.content(this.view, form);
      form.node = form.node ? morph(form.node, fresh) : fresh;
      form.facts = facts;
    }
    if (this.dialog.firstChild !== form.node) this.dialog.replaceChildren(form.node);
  }

  /** Once for each view; one that shows no field yet is still loading, and its button gets the focus meanwhile. */
  focusFirst() {
    const form = this.form();
    if (form.focused) return;
    const [asked, field, button] = FIELDS.map((selector) => form.node.querySelector(selector));
    form.focused = Boolean(asked ?? field);
    (asked ?? field ?? button)?.focus();
  }

  context() {
    const { id } = this.view;
    return this.actions.blockContext({ view_id: id }, { errors: this.form().errors, scope: id });
  }

  content(view, { busy }) {
    return h(
      "form",
      {
        class: "modal-form",
        novalidate: true,
        "aria-busy": busy ? "true" : null,
        onsubmit: (event) => (event.preventDefault(), this.submit()),
      },
      this.head(view),
      h(
        "div",
        { class: "dialog-body", tabindex: -1 },
        h("div", { class: "blocks" }, renderBlocks(view.blocks, this.context())),
      ),
      h(
        "footer",
        { class: "dialog-foot" },
        h(
          "button",
          { type: "button", class: "button", "data-testid": "modal-close", onclick: () => this.close() },
          plainText(view.close?.text ?? (view.submit ? "Cancel" : "Close")),
        ),
        view.submit && submitButton(view, busy),
      ),
    );
  }

  head(view) {
    const below = this.views.at(-2);
    return h(
      "header",
      { class: "dialog-head" },
      below &&
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": `Back to ${below.title?.text ?? "the view before"}`,
            "data-testid": "modal-back",
            onclick: () => this.close(),
          },
          icon("back"),
        ),
      h("h2", { id: "modal-title", class: "dialog-title", dir: "auto" }, plainText(view.title?.text ?? "")),
      h(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": "Close",
          title: "Close (Esc)",
          "data-testid": "modal-x",
          onclick: () => this.closeAll(),
        },
        icon("close"),
      ),
    );
  }

  async submit() {
    const { view } = this;
    const form = this.form();
    if (form.busy || view.submit_disabled) return;
    const values = stateValues(form.node, view.blocks, this.context());
    form.errors = requiredErrors(view, values);
    if (!Object.keys(form.errors).length) {
      form.busy = true;
      this.render();
      const answer = await this.actions.submit(view, values);
      form.busy = false;
      form.errors = answer?.errors ?? {};
      if (this.view?.id !== view.id) return;
    }
    this.render();
    form.node.querySelector("[aria-invalid] input, [aria-invalid]")?.focus();
  }

  close() {
    return this.actions.close(this.view);
  }

  /** As Slack's X does: with what lies below, from the top down. */
  async closeAll() {
    for (const view of [...this.views].reverse()) await this.actions.close(view);
  }
}

/** While the app is asked the button keeps the focus, so it is not disabled; pressing it again does nothing. */
function submitButton(view, busy) {
  return h(
    "button",
    {
      type: "submit",
      class: busy ? "button is-primary is-busy" : "button is-primary",
      "data-testid": "modal-submit",
      "aria-disabled": busy ? "true" : null,
      disabled: Boolean(view.submit_disabled),
    },
    busy && statusIcon("in_progress"),
    plainText(view.submit.text),
    busy && h("span", { class: "visually-hidden" }, " (waiting for the app)"),
  );
}

/** As Slack's own client does it: what must be filled in is said before anything is sent. */
function requiredErrors(view, values) {
  const errors = {};
  for (const block of view.blocks) {
    if (block.type !== "input" || block.optional) continue;
    const { type: _, ...entered } = values[block.block_id]?.[block.element.action_id] ?? {};
    const given = Object.values(entered)
      .flat()
      .some((value) => value !== null && value !== "");
    if (!given) errors[block.block_id] = "Please complete this required field.";
  }
  return errors;
}
