/** Owns the requests to the local workspace's own API. A refusal arrives as an ApiError holding one sentence. */

export class ApiError extends Error {}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new ApiError("The local workspace does not answer. Is it still running?");
  }
  const body = await response.json().catch(() => null);
  if (!response.ok || !body?.ok) {
    throw new ApiError(body?.error ?? `The local workspace answered ${response.status}.`);
  }
  return body;
}

const get = (path, query) => request(`/local/${path}?${new URLSearchParams(query)}`);

const post = (path, body) =>
  request(`/local/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

export const state = (user) => get("state", { user });

/** Top-level messages of a channel, or a root with its replies when `thread` is given. */
export async function messages(user, channel, thread) {
  const query = thread ? { user, channel, thread_ts: thread } : { user, channel };
  return (await get("messages", query)).messages;
}

export const sendMessage = (body) => post("message", body);
export const editMessage = (body) => post("edit", body);
export const deleteMessage = (body) => post("delete", body);
export const click = (body) => post("click", body);
export const runCommand = (body) => post("command", body);
export const runShortcut = (body) => post("shortcut", body);
export const runGlobalShortcut = (body) => post("global_shortcut", body);
export const suggest = (body) => post("suggest", body);
export const react = (body) => post("react", body);
export const unreact = (body) => post("unreact", body);
export const join = (body) => post("join", body);
export const leave = (body) => post("leave", body);
export const invite = (body) => post("invite", body);
export const kick = (body) => post("kick", body);
export const submitView = (body) => post("submit", body);
export const closeView = (body) => post("close", body);
export const openHome = (body) => post("home", body);
export const stopSession = (body) => post("stop", body);

export const streamAddress = (user) => `/local/stream?${new URLSearchParams({ user })}`;

export function fileAddress(file, user) {
  return `/files/${encodeURIComponent(file.id)}/${encodeURIComponent(file.name)}?${new URLSearchParams({ user })}`;
}

/** A File as the API takes it. */
export async function encodeFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const chunks = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    chunks.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  return { name: file.name, content_base64: btoa(chunks.join("")) };
}
