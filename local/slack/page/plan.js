/** Owns the plan block and its task cards: the checklist that ticks while the agent works. */

import { h, webAddress } from "./dom.js";
import { statusIcon } from "./icons.js";
import { plainText, NO_NAMES } from "./prose.js";
import { richText } from "./rich-text.js";

const SPOKEN = { pending: "To do", in_progress: "In progress", complete: "Done", error: "Failed" };

export function plan(block, names = NO_NAMES) {
  const tasks = block.tasks ?? [];
  const done = tasks.filter((task) => task.status === "complete").length;
  return h(
    "section",
    { class: "plan", "data-testid": "plan" },
    h(
      "header",
      { class: "plan-head" },
      h("h3", { class: "plan-title" }, plainText(block.title ?? "")),
      tasks.length > 0 && h("span", { class: "plan-count" }, `${done} of ${tasks.length}`),
    ),
    tasks.length > 0 &&
      h("progress", {
        class: "plan-progress",
        value: done,
        max: tasks.length,
        "aria-label": `${done} of ${tasks.length} steps done`,
      }),
    tasks.length > 0 &&
      h(
        "ol",
        { class: "tasks" },
        tasks.map((task, index) => row("li", task, index, names)),
      ),
  );
}

/** A task card that stands by itself. */
export function taskCard(block, names = NO_NAMES) {
  return h("div", { class: "tasks is-single" }, row("div", block, 0, names));
}

function row(tag, task, index, names) {
  const status = Object.hasOwn(SPOKEN, task.status) ? task.status : "pending";
  return h(
    tag,
    {
      class: `task is-${status}`,
      key: `task-${task.task_id ?? index}`,
      "data-testid": "task",
      "data-status": status,
    },
    statusIcon(status),
    h(
      "div",
      { class: "task-body" },
      h(
        "div",
        { class: "task-title" },
        plainText(task.title ?? ""),
        h("span", { class: "visually-hidden" }, ` (${SPOKEN[status]})`),
      ),
      task.details && h("div", { class: "task-details prose" }, detail(task.details, names)),
      task.output && h("div", { class: "task-output prose" }, detail(task.output, names)),
      task.sources?.length > 0 && h("div", { class: "task-sources" }, task.sources.map(source)),
    ),
  );
}

/** Slack takes rich text here; a bare string is shown rather than lost. A command line reads as code. */
function detail(value, names) {
  const shown = typeof value === "string" ? h("p", null, plainText(value)) : richText(value, names);
  for (const line of shown.nodeName === "P" ? [shown] : shown.children) {
    if (line.textContent.startsWith("$ ")) line.classList.add("is-command");
  }
  return shown;
}

function source({ url, text }) {
  const href = webAddress(url);
  return href
    ? h("a", { class: "task-source", href, target: "_blank", rel: "noopener noreferrer" }, text || href)
    : h("span", { class: "task-source" }, text || url);
}
