// Requests of an application's page: with a key where the service needs one, and words for what it refuses.

const byId = (id) => document.getElementById(id);

// The headers that a request needs beside its own
export function keyHeaders() {
  const key = byId("key")?.value.trim();
  return key ? { "X-API-Key": key } : {};
}

// Returns what the service answers; throws an error that says what is wrong
export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...options.headers, ...keyHeaders() } });
  } catch {
    throw new Error("The service does not answer.");
  }
  return taken(answer.status, await answer.text(), answer.headers.get("Retry-After"));
}

// Returns the content of an answer; throws an error for one that refuses, and asks for the key that is missing
export function taken(status, text, retryAfterS) {
  const content = parsed(text);
  if (status >= 200 && status < 300) return content;
  if (status === 401 || status === 403) askForKey();
  const words = refusal(content) ?? `The service answered ${status}.`;
  throw new Error(retryAfterS ? `Try again in ${retryAfterS} s: ${words}` : words);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // of a proxy
  }
}

function refusal({ errors = [], detail, title }) {
  const each = errors.map((error) => (error.pointer ? `${error.detail} (${error.pointer})` : error.detail));
  return each.join("; ") || detail || title;
}

function askForKey() {
  if (byId("key")) return;
  const field = Object.assign(document.createElement("input"), { id: "key", type: "password", autocomplete: "off" });
  const label = Object.assign(document.createElement("label"), { id: "key-field" });
  label.append("Key ", field);
  const main = document.querySelector("main");
  const title = main.querySelector("h1");
  if (title) title.after(label);
  else main.prepend(label);
}
