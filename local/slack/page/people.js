/** Owns how people and apps are shown: avatar, name, badges. */

import { h } from "./dom.js";
import { icon } from "./icons.js";

const COLOURS = 6;

export function avatar(user, size = "") {
  if (user?.is_bot)
    return h("span", { class: `avatar is-app ${size}`.trim(), "aria-hidden": "true" }, icon("thread"));
  const name = user?.real_name || user?.name || "?";
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word[0])
    .join("")
    .toUpperCase();
  return h(
    "span",
    { class: `avatar colour-${colour(user?.id ?? name)} ${size}`.trim(), "aria-hidden": "true" },
    initials,
  );
}

/** The same person has the same colour everywhere. */
function colour(id) {
  let sum = 0;
  for (const char of id) sum = (sum * 31 + char.codePointAt(0)) % 997;
  return sum % COLOURS;
}

export function badges(user) {
  return [
    user?.is_bot && h("span", { class: "badge" }, "APP"),
    user?.outsider && h("span", { class: "badge is-outsider", title: "From another company" }, "External"),
  ];
}

export const displayName = (user, fallback = "unknown") => user?.real_name || user?.name || fallback;

/** A conversation's name: people and apps by name, channels with their mark. */
export function channelName(channel, workspace) {
  if (!channel?.is_im) return channel?.name ?? "";
  const other = channel.members.find((id) => id !== workspace.me) ?? workspace.bot.user_id;
  return displayName(
    workspace.users.find((one) => one.id === other),
    workspace.bot.name,
  );
}
