/** Owns what the composer offers while somebody types: the workspace's commands after "/", its people after "@". */

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { avatar, badges, displayName } from "./people.js";

/**
 * What can complete the text left of the caret.
 * @returns {{start: number, items: Array<{insert: string, node(): Node}>} | null}
 */
export function completionsFor(text, caret, workspace, inThread) {
  if (!workspace) return null;
  const left = text.slice(0, caret);
  if (/^\/\S*$/.test(left) && !inThread) return offer(0, commandItems(left, workspace));
  const mention = /(?:^|[\s(])@([\p{L}\p{N}._-]*)$/u.exec(left);
  return mention ? offer(caret - mention[1].length - 1, mentionItems(mention[1], workspace)) : null;
}

/** The command a text begins with, once something follows its name; its usage is shown then. */
export function commandIn(text, workspace) {
  const name = /^(\/\S+)\s/.exec(text)?.[1];
  return workspace?.commands.find((one) => one.command === name && one.usage_hint) ?? null;
}

/** Nothing is offered once the text says exactly the one thing there is to offer. */
function offer(start, { typed, items }) {
  const exact = items.length === 1 && items[0].insert.trim() === typed;
  return items.length && !exact ? { start, items } : null;
}

function commandItems(typed, { commands, bot }) {
  const items = commands
    .filter(({ command }) => command.startsWith(typed))
    .map(({ command, description, usage_hint: hint }) => ({
      insert: `${command} `,
      node: () => [
        h("span", { class: "avatar is-app is-small" }, icon("thread")),
        h(
          "span",
          { class: "completion-name" },
          command,
          hint && h("span", { class: "completion-hint" }, ` ${hint}`),
        ),
        h("span", { class: "completion-about" }, description || bot.name),
      ],
    }));
  return { typed, items };
}

function mentionItems(typed, { users, groups = [] }) {
  const wanted = typed.toLowerCase();
  const matches = (user) =>
    [user.name, ...displayName(user, "").split(/\s+/)].some((word) => word.toLowerCase().startsWith(wanted));
  const items = users
    .filter(matches)
    .sort((a, b) => Number(b.is_bot) - Number(a.is_bot))
    .slice(0, 6)
    .map((user) => ({
      insert: `@${user.name} `,
      node: () => [
        avatar(user, "is-small"),
        h("span", { class: "completion-name" }, `@${user.name}`),
        h("span", { class: "completion-about" }, displayName(user, "")),
        badges(user),
      ],
    }));
  const ofGroups = groups
    .filter(({ handle }) => handle.toLowerCase().startsWith(wanted))
    .map(({ handle, name }) => ({
      insert: `@${handle} `,
      node: () => [
        h("span", { class: "avatar is-app is-small" }, icon("people")),
        h("span", { class: "completion-name" }, `@${handle}`),
        h("span", { class: "completion-about" }, name),
      ],
    }));
  items.push(...ofGroups);
  return { typed: `@${typed}`, items };
}
