/** Owns how an agent session's status reads: in the thread's header and beside the root message. */

import { h } from "./dom.js";
import { icon, statusIcon } from "./icons.js";

const WORDS = { processing: "working…", suspended: "waiting for an answer", active: "ready", closed: "closed" };

export function sessionOf(state, channel, thread) {
  return state.workspace?.sessions.find((one) => one.channel === channel && one.thread_ts === thread);
}

/** An app that only sets a status line, and no session status, is at work too. */
const isBusy = ({ status, text }) => status === "processing" || (status === "active" && Boolean(text));

/** While it works, the words the app set as its status win; Slack puts the app's name before them. */
export function sessionWords(session, app) {
  if (!isBusy(session) || !session.text) return WORDS[session.status] ?? session.status;
  return /^is /.test(session.text) ? `${app} ${session.text}` : session.text;
}

export function sessionMark(session) {
  if (isBusy(session)) return statusIcon("in_progress");
  return icon(
    { suspended: "pause", closed: "check" }[session.status] ?? "check",
    `session-mark is-${session.status}`,
  );
}

/** The small chip beside a root message; quiet sessions need none. */
export function sessionChip(session, app) {
  if (!session || !(isBusy(session) || session.status === "suspended")) return null;
  return h(
    "span",
    { class: `session-chip is-${session.status}`, "data-testid": "session-chip" },
    sessionMark(session),
    h("span", null, sessionWords(session, app)),
  );
}
