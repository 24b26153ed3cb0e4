/** Owns the address: `#user=U…&channel=C…&thread=…` says who looks at what, so a tab can be reloaded or shared. */

export function readRoute() {
  const query = new URLSearchParams(location.hash.slice(1));
  return { user: query.get("user"), channel: query.get("channel"), thread: query.get("thread") };
}

export function writeRoute(route, { replace = false } = {}) {
  const query = new URLSearchParams();
  for (const name of ["user", "channel", "thread"]) if (route[name]) query.set(name, route[name]);
  const hash = `#${query}`;
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
}

export function onRouteChange(listener) {
  addEventListener("popstate", () => listener(readRoute()));
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
