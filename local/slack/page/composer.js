/**
 * Owns the field people write in: drafts per conversation, completion, shortcuts, and what Enter means. It is
 * built once and never rendered again, so no update of the page can touch a half-typed text.
 */

import { ApiError } from "./api.js";
import { Attachments } from "./attachments.js";
import { commandIn, completionsFor } from "./completion.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openMenu } from "./menu.js";
import { toast } from "./notices.js";

const HINT = "Enter sends, Shift + Enter starts a new line";
const EMPTY = { text: "", files: [], broadcast: false };

export class Composer {
  /**
   * @param {{name: string, inThread: boolean, workspace(): object | null,
   *   send(draft: {text: string, files: File[], broadcast: boolean}): Promise<void>,
   *   command?(draft: {command: string, text: string}): Promise<void>,
   *   shortcut(shortcut: object): void, editLast(): void}} options
   *   send and command reject when refused; a thread takes no commands
   */
  constructor(options) {
    this.options = options;
    this.conversation = null;
    this.drafts = new Map();
    this.offered = null;
    this.active = 0;
    this.attachments = new Attachments({
      name: options.name,
      changed: () => (this.onEdited(), this.focus()),
    });
    this.build();
  }

  build() {
    const { name, inThread } = this.options;
    const listId = `${name}-completions`;
    this.input = h("textarea", {
      class: "composer-input",
      rows: 1,
      dir: "auto",
      disabled: true, // until there is a conversation to write in
      "data-testid": `${name}-composer`,
      "aria-label": inThread ? "Reply in thread" : "Message",
      "aria-autocomplete": "list",
      "aria-controls": listId,
      oninput: () => this.onInput(),
      onkeydown: (event) => this.onKeydown(event),
    });
    this.input.addEventListener("blur", () => this.offer(null));
    this.input.addEventListener("click", () => this.onInput());
    this.input.addEventListener("paste", (event) => this.attachments.add(event.clipboardData?.files ?? []));
    this.completions = h("div", {
      class: "completions",
      id: listId,
      role: "listbox",
      "aria-label": "Suggestions",
      hidden: true,
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
    const shortcuts = h(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": "Shortcuts",
        title: "Shortcuts",
        "aria-haspopup": "menu",
        "data-testid": `${name}-shortcuts`,
        onclick: () => openMenu(shortcuts, this.shortcutItems()),
      },
      icon("bolt"),
    );
    this.hint = h("span", { class: "composer-hint" }, HINT);
    this.broadcast = h("input", { type: "checkbox", "data-testid": `${name}-broadcast` });
    this.broadcastLabel = h("span", null);
    this.broadcastRow = h(
      "label",
      { class: "composer-broadcast", hidden: true },
      this.broadcast,
      this.broadcastLabel,
    );
    this.node = h(
      "form",
      { class: "composer", onsubmit: (event) => (event.preventDefault(), this.submit()) },
      this.completions,
      h(
        "div",
        { class: "composer-box" },
        this.attachments.node,
        this.input,
        h(
          "div",
          { class: "composer-foot" },
          this.attachments.button,
          this.attachments.picker,
          shortcuts,
          this.hint,
          this.sendButton,
        ),
      ),
      this.broadcastRow,
    );
    this.attachments.takeDropsOn(this.node);
  }

  /** Show the draft of another conversation; the current one is kept. `broadcast` offers to send it wider. */
  show(conversation, placeholder, broadcast = null) {
    this.input.placeholder = placeholder;
    this.input.disabled = false;
    this.broadcastRow.hidden = !broadcast;
    this.broadcastLabel.textContent = broadcast ?? "";
    if (conversation === this.conversation) return;
    if (this.conversation) this.drafts.set(this.conversation, this.draft());
    this.conversation = conversation;
    this.fill(this.drafts.get(conversation) ?? EMPTY);
  }

  draft() {
    const { files } = this.attachments;
    return { text: this.input.value, files, broadcast: this.broadcast.checked };
  }

  fill({ text, files, broadcast }) {
    this.input.value = text;
    this.broadcast.checked = broadcast;
    this.attachments.show(files);
    this.offer(null);
    this.onEdited();
  }

  /** Put words in, for a suggestion; the person still sends them. */
  suggest(text) {
    this.fill({ ...this.draft(), text });
    this.focus();
  }

  /** What the app can be asked for from anywhere, and its commands where they can be used. */
  shortcutItems() {
    const known = this.options.workspace() ?? {}; // nothing is, before the first answer
    const { global_shortcuts: everywhere = [], commands = [], bot } = known;
    const items = everywhere.map((one) => ({
      label: one.name,
      hint: bot.name,
      icon: icon("bolt"),
      name: `global-${one.callback_id}`,
      run: () => this.options.shortcut(one),
    }));
    if (!this.options.inThread) {
      items.push(
        ...commands.map(({ command, description }) => ({
          label: command,
          hint: description,
          icon: icon("thread"),
          name: `command-${command.slice(1)}`,
          run: () => this.suggest(`${command} `),
        })),
      );
    }
    return items.length ? items : [{ label: "No app offers a shortcut to you here", disabled: true }];
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
    const command = this.options.inThread ? null : commandIn(this.input.value, this.options.workspace());
    this.hint.textContent = command ? `${command.command} ${command.usage_hint}` : HINT;
    this.hint.classList.toggle("is-usage", Boolean(command));
    this.sendButton.disabled = !this.input.value.trim() && !this.attachments.files.length;
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, 220)}px`;
  }

  onKeydown(event) {
    if (event.isComposing) return;
    if (this.offered && this.onCompletionKey(event)) return;
    if (event.key === "ArrowUp" && !this.input.value) {
      event.preventDefault();
      this.options.editLast();
    }
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

  // --- sending ---

  /** The field is emptied at once; a refused draft comes back unless something new was typed meanwhile. */
  async submit() {
    const draft = this.draft();
    if (!draft.text.trim() && !draft.files.length) return;
    const { conversation } = this;
    this.fill(EMPTY);
    try {
      await this.deliver(draft);
    } catch (error) {
      if (conversation !== this.conversation) this.drafts.set(conversation, draft);
      else if (!this.input.value) this.fill(draft);
      if (!(error instanceof ApiError)) throw error;
      toast(error.message);
    }
  }

  deliver({ text, files, broadcast }) {
    const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
    if (!command || files.length) return this.options.send({ text: text.trim(), files, broadcast });
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
