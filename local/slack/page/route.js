/** Owns the address: `#user=U…&channel=C…&thread=…` says who looks at what, so a tab can be reloaded or shared. */

const NAMES = ["user", "channel", "thread", "tab"];

export function readRoute() {
  adoptQuery();
  const query = new URLSearchParams(location.hash.slice(1));
  const [user, channel, thread, tab] = NAMES.map((name) => query.get(name));
  return { user, channel, thread, tab };
}

export function writeRoute(route, { replace = false } = {}) {
  const hash = asHash(route);
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
}

/** A permalink arrives as a query; it becomes the same address as any other. */
function adoptQuery() {
  const query = new URLSearchParams(location.search);
  if (!query.has("channel")) return;
  const known = new URLSearchParams(location.hash.slice(1)).get("user") ?? query.get("user");
  const route = { user: known, channel: query.get("channel"), thread: query.get("thread_ts") };
  history.replaceState(null, "", `/${asHash(route)}`);
}

function asHash(route) {
  const query = new URLSearchParams();
  for (const name of NAMES) if (route[name]) query.set(name, route[name]);
  return `#${query}`;
}

export function onRouteChange(listener) {
  addEventListener("hashchange", () => listener(readRoute()));
}

/** Slack's own address of a message: `…/archives/C…/p<16 digits>?thread_ts=…`. */
export function permalink(channel, message) {
  const path = `${location.origin}/archives/${channel}/p${message.ts.replace(".", "")}`;
  const thread = message.thread_ts ?? message.ts;
  return thread === message.ts ? path : `${path}?${new URLSearchParams({ thread_ts: thread, cid: channel })}`;
}

/** Where a permalink leads, or null when it is some other address. */
export function parsePermalink(address) {
  const match = /\/archives\/([CDG]\w+)\/p(\d{10})(\d{6})(?:\?(.*))?$/.exec(address);
  if (!match) return null;
  const [, channel, seconds, micros, query] = match;
  return { channel, thread: new URLSearchParams(query).get("thread_ts") ?? `${seconds}.${micros}` };
}
