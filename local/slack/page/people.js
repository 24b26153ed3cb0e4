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
  const mark = standing(user);
  return [
    user?.is_bot && h("span", { class: "badge" }, "APP"),
    mark && h("span", { class: "badge is-outsider", title: mark.words }, mark.name),
  ];
}

/** What sets a person apart from full members, or null. */
export function standing(user) {
  if (user?.outsider) return { name: "External", words: "From another company" };
  if (user?.is_guest) return { name: "Guest", words: "A guest of this workspace" };
  return null;
}

export const displayName = (user, fallback = "unknown") => user?.real_name || user?.name || fallback;

/** A conversation's name: a direct one is called by who else is in it. */
export function channelName(channel, workspace) {
  if (!channel) return "";
  const named = (id) => displayName(workspace.users.find((one) => one.id === id));
  const others = channel.members.filter((id) => id !== workspace.me);
  if (channel.is_mpim) return others.map((id) => named(id).split(" ")[0]).join(", ");
  return channel.is_im ? named(others[0] ?? workspace.bot.user_id) : channel.name;
}

export const isDirect = (channel) => Boolean(channel?.is_im || channel?.is_mpim);

/** The name with its mark. */
export function channelLabel(channel, workspace) {
  return `${isDirect(channel) ? "" : "#"}${channelName(channel, workspace)}`;
}

/** What stands before the name. `size` is of the avatar. */
export function channelMark(channel, workspace, size) {
  if (channel.is_mpim) return icon("people");
  if (!channel.is_im) return icon(channel.is_private ? "lock" : "hash");
  const id = channel.members.find((member) => member !== workspace.me) ?? workspace.bot.user_id;
  return avatar(
    workspace.users.find((user) => user.id === id),
    size,
  );
}
