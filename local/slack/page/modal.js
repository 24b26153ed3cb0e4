/** Owns the modal on the screen: the newest view of this person, its fields, and what their server says of them. */

import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { changedField, stateValues } from "./inputs.js";
import { morphChildren } from "./morph.js";
import { plainText } from "./prose.js";

export class Modal {
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    this.view = null;
    this.facts = "";
    this.errors = {};
    this.busy = false;
    this.dialog = h("dialog", { class: "dialog", "data-testid": "modal", "aria-labelledby": "modal-title" });
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    document.body.append(this.dialog);
  }

  update(state) {
    const view = state.workspace?.views.at(-1) ?? null;
    if (view?.id !== this.view?.id) this.reset();
    this.view = view;
    if (!view) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    this.render();
    if (this.dialog.open) return;
    this.dialog.showModal();
    const fields = ["[data-focus]", ".field, .select, .choices input", "[data-testid=modal-submit]"];
    fields
      .map((selector) => this.dialog.querySelector(selector))
      .find(Boolean)
      ?.focus();
  }

  reset() {
    this.errors = {};
    this.busy = false;
    this.facts = "";
    this.dialog.replaceChildren();
  }

  render() {
    const facts = JSON.stringify([this.view, this.errors, this.busy]);
    if (facts === this.facts) return;
    this.facts = facts;
    morphChildren(this.dialog, [this.form(this.view)]);
  }

  form(view) {
    const context = this.actions.blockContext({ view_id: view.id }, { errors: this.errors });
    const changed = (item, blockId) => context.act(item, blockId, changedField(this.dialog, item, blockId));
    return h(
      "form",
      { class: "modal-form", novalidate: true, onsubmit: (event) => (event.preventDefault(), this.submit()) },
      h(
        "header",
        { class: "dialog-head" },
        h("h2", { id: "modal-title", class: "dialog-title" }, plainText(view.title?.text ?? "")),
        h(
          "button",
          {
            type: "button",
            class: "icon-button",
            "aria-label": "Close",
            "data-testid": "modal-x",
            onclick: () => this.close(),
          },
          icon("close"),
        ),
      ),
      h("div", { class: "dialog-body" }, renderBlocks(view.blocks, { ...context, changed })),
      h(
        "footer",
        { class: "dialog-foot" },
        h(
          "button",
          { type: "button", class: "button", "data-testid": "modal-close", onclick: () => this.close() },
          plainText(view.close?.text ?? (view.submit ? "Cancel" : "Close")),
        ),
        view.submit &&
          h(
            "button",
            {
              type: "submit",
              class: "button is-primary",
              "data-testid": "modal-submit",
              disabled: this.busy,
            },
            plainText(view.submit.text),
          ),
      ),
    );
  }

  async submit() {
    const { view } = this;
    this.errors = requiredErrors(view, stateValues(this.dialog, view.blocks));
    if (!Object.keys(this.errors).length) {
      this.busy = true;
      this.render();
      const answer = await this.actions.submit(view, stateValues(this.dialog, view.blocks));
      if (this.view?.id !== view.id) return;
      this.busy = false;
      this.errors = answer?.errors ?? {};
    }
    this.render();
    this.dialog.querySelector("[aria-invalid] input, [aria-invalid]")?.focus();
  }

  close() {
    this.actions.close(this.view);
  }
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
