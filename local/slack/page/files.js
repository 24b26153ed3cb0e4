/** Owns how a file of a message looks: what it is called, how large it is, and where it can be had. */

import { fileAddress } from "./api.js";
import { h, webAddress } from "./dom.js";
import { icon } from "./icons.js";

/** Slack tells nothing more of these than why. */
const GONE = {
  tombstone: "This file was deleted.",
  hidden_by_limit: "This file is hidden: the workspace's plan keeps no older files.",
};
const WITHHELD = "Slack shows this file only on request.";

export function fileCards(message, view) {
  if (!message.files?.length) return null;
  return h(
    "div",
    { class: "files" },
    message.files.map((file) => fileCard(file, view)),
  );
}

export function fileCard(file, { store }) {
  if (!file) return null;
  const why = GONE[file.mode] ?? (file.file_access === "check_file_info" ? WITHHELD : null);
  if (why) return card("div", file, icon("file"), h("span", { class: "file-size" }, why));
  const words = [
    h("span", { class: "file-name", dir: "auto" }, file.title || file.name),
    h("span", { class: "file-size" }, file.is_external ? "Lies outside of Slack" : fileSize(file)),
  ];
  const text = h("span", { class: "file-text" }, words);
  if (file.is_external) {
    const away = { href: webAddress(file.url_private), target: "_blank", rel: "noopener noreferrer" };
    return card("a", file, icon("link"), text, away);
  }
  const address = { href: fileAddress(file, store.me), download: file.name, "data-testid": "file-link" };
  const spoken = h("span", { class: "visually-hidden" }, "Download");
  return card("a", file, icon("file"), [text, icon("download", "file-download"), spoken], address);
}

function card(tag, file, mark, inside, attributes) {
  return h(
    tag,
    { class: "file-card", key: file.id, ...attributes },
    h("span", { class: "file-mark" }, mark),
    inside,
  );
}

function fileSize({ size, name }) {
  const ending = /\.(tar\.\w+|\w+)$/i.exec(name);
  const kind = ending ? `${ending[1].toUpperCase()} · ` : "";
  if (size < 1024) return `${kind}${size} B`;
  if (size < 1024 * 1024) return `${kind}${(size / 1024).toFixed(size < 10240 ? 1 : 0)} KB`;
  return `${kind}${(size / 1024 / 1024).toFixed(1)} MB`;
}
