/** Owns how moments read: relative in the page, exact on hover, and Slack's <!date> formats. */

import { h } from "./dom.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const REFRESH_MILLISECONDS = 20_000;

const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
const dayOf = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());

function daysAgo(date, now) {
  return Math.round((dayOf(now) - dayOf(date)) / 86_400_000);
}

function relative(seconds, now = new Date()) {
  const date = new Date(seconds * 1000);
  const age = now / 1000 - seconds;
  if (age < 45) return "just now";
  if (age < HOUR) return `${Math.max(1, Math.round(age / MINUTE))} min ago`;
  if (daysAgo(date, now) === 0) return clock(date);
  return `${dayName(date, now)} at ${clock(date)}`;
}

function absolute(seconds) {
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "full", timeStyle: "medium" });
}

export function dayName(date, now = new Date()) {
  const days = daysAgo(date, now);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short", year });
}

/** A Slack ts ("1700000000.000100") as a <time> element that keeps itself current, or as the time of day alone. */
export function timeElement(ts, ofDay = false) {
  const seconds = Number(ts);
  const date = new Date(seconds * 1000);
  return h(
    "time",
    { datetime: date.toISOString(), title: absolute(seconds), "data-seconds": ofDay ? null : seconds },
    ofDay ? clock(date) : relative(seconds),
  );
}

export function keepTimesCurrent(root) {
  setInterval(() => {
    for (const node of root.querySelectorAll("time[data-seconds]")) {
      const text = relative(Number(node.dataset.seconds));
      if (node.textContent !== text) node.textContent = text;
    }
  }, REFRESH_MILLISECONDS);
}

const DATE_TOKENS = {
  date: (d) => d.toLocaleDateString([], { dateStyle: "long" }),
  date_num: (d) => d.toLocaleDateString([], { dateStyle: "short" }),
  date_slash: (d) => d.toLocaleDateString([], { dateStyle: "short" }),
  date_short: (d) => d.toLocaleDateString([], { dateStyle: "medium" }),
  date_long: (d) => d.toLocaleDateString([], { dateStyle: "full" }),
  day_divider_pretty: (d) => dayName(d),
  time: clock,
  time_secs: (d) => d.toLocaleTimeString([], { timeStyle: "medium" }),
  ago: (d) => relative(d / 1000),
};

/** Slack's date formatting: `{date_short_pretty} at {time}`; an unknown token gives the fallback. */
export function formatDate(seconds, format, fallback) {
  const date = new Date(Number(seconds) * 1000);
  if (Number.isNaN(date.getTime())) return fallback;
  let known = true;
  const text = String(format).replace(/\{(\w+)\}/g, (_, token) => {
    const days = daysAgo(date, new Date());
    if (token.endsWith("_pretty") && days >= 0 && days <= 1) return dayName(date).toLowerCase();
    const render = DATE_TOKENS[token] ?? DATE_TOKENS[token.replace(/_pretty$/, "")];
    known &&= Boolean(render);
    return render ? render(date) : "";
  });
  return known ? text : fallback;
}
