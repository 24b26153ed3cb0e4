/** Owns the line icons, drawn as SVG so that no status depends on an emoji font. */

import { svg } from "./dom.js";

const PATHS = {
  hash: "M4 9h16M4 15h16M10 4 8 20M16 4l-2 16",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  close: "M6 6l12 12M18 6 6 18",
  back: "M14.5 5.5 8 12l6.5 6.5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  reply: "M20 12a7.5 7.5 0 0 1-7.5 7.5H4l2.2-2.9A7.5 7.5 0 1 1 20 12z",
  send: "M5 12h13M12.5 5.5 19 12l-6.5 6.5",
  attach:
    "M19.5 11.5l-7.8 7.8a5 5 0 0 1-7-7l8.4-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.4 8.4a1.6 1.6 0 0 1-2.3-2.3l7.7-7.7",
  file: "M13.5 3.5H6.5v17h11v-13zM13.5 3.5v4h4",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  stop: "M7 7h10v10H7z",
  smile: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM8.3 14c1.9 2.6 5.5 2.6 7.4 0M9 9.7h.01M15 9.7h.01",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z",
  check: "M5 12.5l4.6 4.6L19 7.5",
  cross: "M7 7l10 10M17 7 7 17",
  info: "M12 11v6M12 7.5h.01M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17z",
  warning: "M12 10v4.5M12 17.3h.01M12 4 2.8 20h18.4z",
  pause: "M9 6.5v11M15 6.5v11",
  good: "M7 11v8.5H4V11zM7 11l4-7.5c1.4 0 2.3 1 2 2.4L12.4 10H19c1 0 1.7.9 1.5 1.9l-1.2 6c-.2.9-.9 1.6-1.9 1.6H7",
  bad: "M17 13V4.5h3V13zM17 13l-4 7.5c-1.4 0-2.3-1-2-2.4l.6-4.1H5c-1 0-1.7-.9-1.5-1.9l1.2-6c.2-.9.9-1.6 1.9-1.6H17",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 11v5M13.5 11v5",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 17M15.5 9h.01",
  edit: "M5 19l.8-3.8L16 5l3 3L8.8 18.2z",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1",
  bolt: "M13 3 5 13.5h6L10.5 21 19 10.5h-6z",
  thread: "M4 7c5.5-4 10.5 4 16 0M4 12c5.5-4 10.5 4 16 0M4 17c5.5-4 10.5 4 16 0",
  down: "M12 5v13M6 12.5l6 6 6-6",
  people:
    "M9 11.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4zM3.5 19c.4-3.2 2.5-5 5.5-5s5.1 1.8 5.5 5M15.5 5.4a3.1 3.1 0 0 1 0 5.9M17 14.3c2 .6 3.2 2.2 3.5 4.7",
};

/** A decorative icon: whatever it stands beside says the same in words. */
export function icon(name, extraClass = "") {
  return svg(
    "svg",
    { class: `icon ${extraClass}`.trim(), viewBox: "0 0 24 24", "aria-hidden": "true", "data-icon": name },
    svg("path", { d: Object.hasOwn(PATHS, name) ? PATHS[name] : PATHS.info }),
  );
}

/** The mark of a task: colour, shape and motion differ, so no state is told by colour alone. */
export function statusIcon(status) {
  const ring = svg("circle", { class: "status-ring", cx: 10, cy: 10, r: 8 });
  const inner = {
    pending: [],
    in_progress: [svg("path", { class: "status-arc", d: "M10 2a8 8 0 0 1 8 8" })],
    complete: [svg("path", { class: "status-mark", d: "M6.2 10.3l2.6 2.6 5-5.4" })],
    error: [svg("path", { class: "status-mark", d: "M7 7l6 6M13 7l-6 6" })],
  }[status];
  return svg(
    "svg",
    { class: `status-icon is-${status}`, viewBox: "0 0 20 20", "aria-hidden": "true" },
    ring,
    ...(inner ?? []),
  );
}
