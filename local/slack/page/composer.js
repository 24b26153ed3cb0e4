/**
 * Owns the field people write in: drafts per conversation, completion, attached files, and what Enter means. It is
 * built once and never rendered again, so no update of the page can touch a half-typed text.
 */

import { ApiError } from "./api.js";
import { completionsFor } from "./completion.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { toast } from "./notices.js";

const LARGEST_FILE_BYTES = 20 * 1024 * 1024;

export class Composer {
  /**
   * @param {{name: string, inThread: boolean, workspace(): object | null,
   *   send(draft: {text: string, files: File[]}): Promise<void>,
   *   command?(draft: {command: string, text: string}): Promise<void>}} options
   *   send and command reject when refused; a thread takes no commands
   */
  constructor(options) {
    this.options = options;
    this.conversation = null;
    this.drafts = new Map();
    this.files = [];
    this.offered = null;
    this.active = 0;
    this.build();
  }

  build() {
    const { name, inThread } = this.options;
    const listId = `${name}-completions`;
    this.input = h("textarea", {
      class: "composer-input",
      rows: 1,
      "data-testid": `${name}-composer`,
      "aria-label": inThread ? "Reply in thread" : "Message",
      "aria-autocomplete": "list",
      "aria-controls": listId,
      oninput: () => this.onInput(),
      onkeydown: (event) => this.onKeydown(event),
    });
    this.input.addEventListener("blur", () => this.offer(null));
    this.input.addEventListener("click", () => this.onInput());
    this.input.addEventListener("paste", (event) => this.addFiles(event.clipboardData?.files ?? []));
    this.completions = h("div", {
      class: "completions",
      id: listId,
      role: "listbox",
      "aria-label": "Suggestions",
      hidden: true,
    });
    this.chips = h("div", { class: "attachments", hidden: true });
    this.picker = h("input", {
      type: "file",
      multiple: true,
      hidden: true,
      "data-testid": `${name}-file-input`,
      onchange: () => this.pick(),
    });
    this.sendButton = h(
      "button",
      {
        type: "submit",
        class: "send-button",
        "aria-label": "Send",
        title: "Send (Enter)",
        "data-testid": `${name}-send`,
        disabled: true,
      },
      icon("send"),
    );
    const attach = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Attach files",
        title: "Attach files",
        onclick: () => this.picker.click(),
      },
      icon("attach"),
    );
    this.node = h(
      "form",
      { class: "composer", onsubmit: (event) => (event.preventDefault(), this.submit()) },
      this.completions,
      h(
        "div",
        { class: "composer-box" },
        this.chips,
        this.input,
        h(
          "div",
          { class: "composer-foot" },
          attach,
          this.picker,
          h("span", { class: "composer-hint" }, "Enter sends, Shift + Enter starts a new line"),
          this.sendButton,
        ),
      ),
    );
  }

  /** Show the draft of another conversation; the current one is kept. */
  show(conversation, placeholder) {
    this.input.placeholder = placeholder;
    if (conversation === this.conversation) return;
    if (this.conversation) this.drafts.set(this.conversation, { text: this.input.value, files: this.files });
    this.conversation = conversation;
    this.fill(this.drafts.get(conversation) ?? { text: "", files: [] });
  }

  fill({ text, files }) {
    this.input.value = text;
    this.files = files;
    this.offer(null);
    this.showFiles();
    this.onEdited();
  }

  /** Put words in, for a suggestion; the person still sends them. */
  suggest(text) {
    this.fill({ text, files: this.files });
    this.input.focus();
  }

  focus() {
    this.input.focus();
  }

  // --- typing ---

  onInput() {
    this.onEdited();
    const { value, selectionStart } = this.input;
    this.offer(completionsFor(value, selectionStart, this.options.workspace(), this.options.inThread));
  }

  onEdited() {
    this.sendButton.disabled = !this.input.value.trim() && !this.files.length;
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 220)}px`;
  }

  onKeydown(event) {
    if (event.isComposing) return;
    if (this.offered && this.onCompletionKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    }
  }

  onCompletionKey(event) {
    const count = this.offered.items.length;
    const steps = { ArrowDown: 1, ArrowUp: count - 1 };
    if (event.key in steps) this.activate((this.active + steps[event.key]) % count);
    else if (event.key === "Escape") this.offer(null);
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) this.complete(this.active);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  // --- completion ---

  offer(offered) {
    this.offered = offered;
    this.completions.hidden = !offered;
    const items = offered?.items ?? [];
    this.completions.replaceChildren(
      ...items.map((item, index) =>
        h(
          "div",
          {
            class: "completion",
            role: "option",
            id: `${this.completions.id}-${index}`,
            // The field must keep the focus: a blur would close the list before the click arrives.
            onmousedown: (event) => (event.preventDefault(), this.complete(index)),
          },
          item.node(),
        ),
      ),
    );
    if (offered) this.activate(0);
    else this.input.removeAttribute("aria-activedescendant");
  }

  activate(index) {
    this.active = index;
    [...this.completions.children].forEach((node, at) =>
      node.setAttribute("aria-selected", String(at === index)),
    );
    this.input.setAttribute("aria-activedescendant", `${this.completions.id}-${index}`);
  }

  complete(index) {
    const { start, items } = this.offered;
    this.input.setRangeText(items[index].insert, start, this.input.selectionStart, "end");
    this.offer(null);
    this.onEdited();
  }

  // --- files ---

  pick() {
    this.addFiles(this.picker.files);
    this.picker.value = "";
    this.focus();
  }

  addFiles(files) {
    for (const file of files) {
      if (file.size > LARGEST_FILE_BYTES) toast(`${file.name} is larger than 20 MB; attach a smaller file.`);
      else this.files = [...this.files, file];
    }
    this.showFiles();
    this.onEdited();
  }

  showFiles() {
    const remove = (file) => {
      this.files = this.files.filter((one) => one !== file);
      this.showFiles();
      this.onEdited();
    };
    this.chips.hidden = !this.files.length;
    this.chips.replaceChildren(
      ...this.files.map((file) =>
        h(
          "span",
          { class: "attachment" },
          icon("file"),
          h("span", null, file.name),
          h(
            "button",
            {
              type: "button",
              class: "icon-button",
              "aria-label": `Remove ${file.name}`,
              onclick: () => remove(file),
            },
            icon("close"),
          ),
        ),
      ),
    );
  }

  // --- sending ---

  /** The field is emptied at once; a refused draft comes back unless something new was typed meanwhile. */
  async submit() {
    const draft = { text: this.input.value, files: this.files };
    if (!draft.text.trim() && !draft.files.length) return;
    const { conversation } = this;
    this.fill({ text: "", files: [] });
    try {
      await this.deliver(draft);
    } catch (error) {
      if (conversation !== this.conversation) this.drafts.set(conversation, draft);
      else if (!this.input.value) this.fill(draft);
      if (!(error instanceof ApiError)) throw error;
      toast(error.message);
    }
  }

  deliver({ text, files }) {
    const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
    if (!command || files.length) return this.options.send({ text: text.trim(), files });
    const known = this.options.workspace()?.commands.some((one) => one.command === command[1]);
    if (!known) {
      throw new ApiError(
        `${command[1]} is not a command here. To send it as a message, put a space before it.`,
      );
    }
    if (this.options.inThread) {
      throw new ApiError(`${command[1]} is not supported in threads. Use it in the channel.`);
    }
    return this.options.command({ command: command[1], text: command[2].trim() });
  }
}
