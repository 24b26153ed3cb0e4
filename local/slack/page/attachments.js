/** Owns the files a draft carries: picked, pasted or dropped, shown as chips until they are sent. */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { toast } from "./notices.js";

const LARGEST_FILE_BYTES = 20 * 1024 * 1024;

export class Attachments {
  /** @param {{name: string, changed(): void}} options `changed` after each change by the person */
  constructor({ name, changed }) {
    this.changed = changed;
    this.files = [];
    this.node = h("div", { class: "attachments", hidden: true });
    this.picker = h("input", {
      type: "file",
      multiple: true,
      hidden: true,
      "aria-label": "Files to attach",
      "data-testid": `${name}-file-input`,
      onchange: () => this.pick(),
    });
    this.button = h(
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
  }

  show(files) {
    this.files = files;
    this.node.hidden = !files.length;
    this.node.replaceChildren(...files.map((file) => this.chip(file)));
  }

  add(files) {
    const small = [...files].filter((file) => file.size <= LARGEST_FILE_BYTES);
    for (const file of files) {
      if (!small.includes(file)) toast(`${file.name} is larger than 20 MB; attach a smaller file.`);
    }
    if (!small.length) return;
    this.show([...this.files, ...small]);
    this.changed();
  }

  pick() {
    this.add(this.picker.files);
    this.picker.value = "";
  }

  takeDropsOn(node) {
    const mark = (over) => node.classList.toggle("is-target", over);
    node.addEventListener("dragover", (event) => (event.preventDefault(), mark(true)));
    node.addEventListener("dragleave", () => mark(false));
    node.addEventListener("drop", (event) => {
      event.preventDefault();
      mark(false);
      this.add(event.dataTransfer.files);
    });
  }

  chip(file) {
    const remove = () => {
      this.show(this.files.filter((one) => one !== file));
      this.changed();
    };
    return h(
      "span",
      { class: "attachment" },
      icon("file"),
      h("span", { dir: "auto" }, file.name),
      h(
        "button",
        { type: "button", class: "icon-button", "aria-label": `Remove ${file.name}`, onclick: remove },
        icon("close"),
      ),
    );
  }
}
