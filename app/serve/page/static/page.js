// The page's only script: it sends the forms, follows the jobs and draws the traffic. Versions are shown as the server's
// own HTML, fetched again; data from the API is set as text.

import { formOf, takeDrops } from "./files.js";
import { gateMembers, gateOf, offerGate, rowsFile, rowsSource } from "./gate.js";
import { csvLine, describe, firstText, isPacked } from "./table.js";

const byId = (id) => document.getElementById(id);
const queued = document.body.dataset.mode === "async";
const { root } = document.body.dataset; // the path below which a proxy serves all this
const FINISHED = new Set(["SUCCESS", "FAILURE", "REVOKED"]);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Requests

async function send(method, url, body, type, headers = {}) {
  if (type) headers["Content-Type"] = type;
  const key = byId("key")?.value.trim();
  if (key) headers["X-API-Key"] = key;
  let answer;
  try {
    answer = await fetch(url, { method, body, headers });
  } catch {
    throw new Error("The server doesn’t answer.");
  }
  const text = await answer.text();
  let content = {};
  try {
    content = JSON.parse(text, exact);
  } catch {
    throw new Error(`The server answered ${answer.status}.`);
  }
  if (!answer.ok) throw new Error(problemText(content));
  return { content, accepted: answer.status === 202 };
}

// A whole number that JavaScript would round, as its digits; predicted numbers of that size have a point or an exponent
function exact(name, value, context) {
  const isRounded = typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return isRounded && /^-?\d+$/.test(context?.source) ? context.source : value;
}

function problemText(problem) {
  const where = (problem.errors ?? []).map((error) => error.pointer).filter(Boolean);
  return problem.detail + (where.length ? ` (${where.join(", ")})` : "");
}

async function finished(answer) {
  let job = answer.content;
  while (!FINISHED.has(job.status)) job = (await send("GET", `${root}/jobs/${job.id}?wait=20`)).content;
  if (job.error) throw new Error(problemText(job.error));
  return job;
}

async function run(form, outcome, work) {
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    say(outcome, "wrong", error.message);
  }
  button.disabled = false;
}

function say(outcome, kind, ...content) {
  const place = byId(outcome);
  place.className = `outcome ${kind}`;
  place.replaceChildren(...content);
}

// The values of fields as the API takes them; an empty field is left out, so that its default applies

function typed(fields) {
  const values = {};
  for (const field of fields) {
    if (field.dataset.kind === "checkbox") values[field.name] = field.checked;
    else if (field.value.trim() === "") continue;
    else if (field.dataset.kind === "number") values[field.name] = Number(field.value);
    else if (field.dataset.kind === "json") values[field.name] = parsed(field.value);
    else values[field.name] = field.value;
  }
  return values;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Fit

async function fit(form) {
  const model = byId("fit-model").value;
  const params = typed(form.querySelectorAll(`fieldset[data-model="${CSS.escape(model)}"] [data-kind]`));
  const made = byId("fit-name").value.trim(); // a model under a name of its own, of the estimator of the chosen one
  const target = made || model;
  const estimator = made ? byId("fit-model").selectedOptions[0].dataset.estimator : undefined;
  say("fit-outcome", "", "Fitting …");
  const answer = takesFiles() ? await fitFiles(params, byId("fit-zip").files[0], target, estimator) : await fitRows(form, model, params, target, estimator);
  if (answer.accepted) say("fit-outcome", "", "Accepted, fitting …");
  const { version, result } = await finished(answer);
  await show(`${root}/?model=${encodeURIComponent(target)}&version=${version}`);
  const warnings = (result.warnings ?? []).map((text) => element("span", { className: "warning" }, text));
  say("fit-outcome", "right", `${target} version ${version} is fitted.`, ...decided(result.promotion), ...warnings);
}

function decided(promotion) {
  return promotion ? [` It is ${promotion.promoted ? "" : "not "}the ${promotion.alias}: ${promotion.detail}.`] : [];
}

function takesFiles() {
  return "takes" in byId("fit-model").selectedOptions[0].dataset;
}

function fitRows(form, model, params, target, estimator) {
  const { source } = form.querySelector("[name=data]:checked").dataset;
  return source ? fitSource(form, model, params, source, target, estimator) : fitFile(params, byId("fit-file").files[0], target, estimator);
}

// A model that takes files learns from those of a zip file, or from none
function fitFiles(params, file, target, estimator) {
  const url = `${root}/models/${encodeURIComponent(target)}/fit`;
  const gate = gateOf();
  if (!file && !gate) return send("POST", url, JSON.stringify({ estimator, params }), "application/json");
  return send("POST", url, formOf(file, { ...params, estimator, ...gateMembers(gate) }, gate && rowsFile()));
}

function fitSource(form, model, params, source, target, estimator) {
  const fields = form.querySelectorAll(`[data-data="source-${CSS.escape(source)}"] [data-kind]`);
  const gate = gateOf();
  const on = { source: rowsSource(), params: parsed(byId("gate-params").value || "{}") };
  const body = JSON.stringify({ estimator, params, data: { source, params: typed(fields) }, promote: gate ? { ...gate, on } : undefined });
  return send("POST", `${root}/models/${encodeURIComponent(target)}/fit`, body, "application/json");
}

async function fitFile(params, file, target, estimator) {
  const query = new URLSearchParams();
  const gate = gateOf();
  const members = { ...listed, ...chosenColumns(), estimator, ...gateMembers(gate), promote_source: gate && rowsSource() };
  for (const [name, value] of Object.entries(members)) {
    for (const each of [value].flat()) if (each || each === 0) query.append(name, each);
  }
  for (const [name, value] of Object.entries(params)) query.append(name, typeof value === "string" ? value : JSON.stringify(value));
  const url = `${root}/models/${encodeURIComponent(target)}/fit?${query}`;
  const table = new File([file], file.name, { type: "text/csv" }); // whatever it is called
  if (gate && !rowsSource()) return send("POST", url, formOf(table, {}, rowsFile()));
  const coding = (await isPacked(file)) ? { "Content-Encoding": "gzip" } : {};
  return send("POST", url, file, "text/csv", coding);
}

// How the file is written, as the fields say it, and as it was listed
let listed = {};

function dialect() {
  return Object.fromEntries([...byId("dialect").querySelectorAll("[name]")].map(({ name, value }) => [name, value.trim()]));
}

// The shorter list of columns is sent: those that are used, or those that are left out
function chosenColumns() {
  const ticked = (selector) => [...byId("columns").querySelectorAll(selector)].map(({ value }) => value);
  const [target, weight] = [ticked("[name=predict]:checked"), byId("fit-weight").value];
  const left = ticked("[name=use]:not(:checked, :disabled)").filter((name) => name !== weight);
  const inputs = ticked("[name=use]:checked:enabled").filter((name) => name !== weight);
  return { target, weight, ...(left.length > inputs.length ? { inputs: csvLine(inputs) } : { ignore: csvLine(left) }) };
}

async function offerColumns() {
  const file = byId("fit-file").files[0];
  let columns = [];
  listed = dialect();
  say("fit-outcome", "");
  if (file) {
    try {
      const text = await firstText(file, listed.encoding);
      if (text.includes("\ufffd")) wrongEncoding();
      const { separator, header, ...found } = describe(text, listed);
      columns = found.columns;
      listed = { ...listed, separator, header };
    } catch {
      say("fit-outcome", "wrong", "The file can’t be read.");
    }
  }
  const rows = columns.map((column, place) => columnRow(column, place === columns.length - 1));
  byId("columns").querySelector("tbody").replaceChildren(...rows);
  byId("fit-weight").replaceChildren(element("option", { value: "" }, "none"), ...columns.map(({ name }) => element("option", { value: name }, name)));
  byId("columns").hidden = !columns.length;
}

function wrongEncoding() {
  byId("dialect").open = true;
  say("fit-outcome", "wrong", "The file is not in this encoding. Choose another one.");
}

function columnRow({ name, kind }, predicted) {
  const box = (properties, ...label) =>
    element("label", { className: "check" }, element("input", { type: "checkbox", value: name, ...properties }), ...label);
  return element("tr", {},
    element("th", { scope: "row" }, box({ name: "use", checked: true, disabled: predicted }, name)),
    element("td", {}, kind),
    element("td", {}, box({ name: "predict", checked: predicted }, element("span", { className: "unseen" }, `Predict ${name}`))));
}

// The champion: from where it was when the page was made, so that two people do not undo each other's choice

async function move(form) {
  const { model, version, champion } = form.dataset;
  const path = `${root}/models/${encodeURIComponent(model)}/aliases/champion`;
  say("alias-outcome", "", "Moving …");
  if (champion === version) await send("DELETE", `${path}?if_version=${version}`);
  else await send("PUT", path, JSON.stringify({ version: Number(version), if_version: champion ? Number(champion) : null }), "application/json");
  await show(`${root}/?model=${encodeURIComponent(model)}&version=${version}`);
  say("alias-outcome", "right", champion === version ? "The latest version serves." : "This version serves.");
}

// Predict

const SHOWN_CLASSES = 8;

async function predict(form) {
  const { model, version, inputs, outputs, wanted, task } = form.dataset;
  const fields = [...form.querySelectorAll("[data-kind]")];
  const path = `${root}/models/${encodeURIComponent(model)}/predict`;
  say("predict-outcome", "", "Predicting …");
  const file = form.querySelector("[type=file]");
  if (file) return predictFile(`${path}?version=${version}`, formOf(file.files[0], typed(fields)));
  const answer = fields[0].dataset.kind === "csv"
    ? await send("POST", `${path}?version=${version}&separator=comma&outputs=${wanted}`, `${csvLine(JSON.parse(inputs))}\n${fields[0].value}`, "text/csv")
    : await send("POST", path, JSON.stringify({ version: Number(version), outputs: wanted.split(","), data: { X: [fields.map(cell)] } }), "application/json");
  const { y: [y], classes, probabilities } = (await finished(answer)).result;
  const names = JSON.parse(outputs);
  const shown = [y].flat().map((value, place) => `${names[place]} = ${task === "regression" ? Number(value.toPrecision(6)) : value}`);
  say("predict-outcome", "right", element("strong", {}, shown.join(", ")), ...(classes ? [bars(classes, probabilities[0])] : []));
}

// A file for a model that takes one; the files of its result are links
async function predictFile(url, form) {
  const { result } = await finished(await send("POST", url, form));
  const files = Object.values(result).filter((value) => value?.href && value?.sha256);
  const links = files.map(({ href, name }) => element("a", { href, download: name }, name));
  say("predict-outcome", "right", element("pre", {}, JSON.stringify(result, null, 1)), ...links);
}

// The classes with the greatest probabilities, each with a bar
function bars(classes, probabilities) {
  const ranked = classes.map((label, place) => [String(label), probabilities[place]]).sort(([, a], [, b]) => b - a);
  const lines = ranked.slice(0, SHOWN_CLASSES).map(([label, share]) =>
    element("li", {}, element("span", {}, label), element("meter", { value: share, title: label }), element("span", {}, share.toFixed(3))));
  return element("ol", { className: "bars" }, ...lines);
}

// The value of a field as a cell of X; an empty field is a missing value
function cell(field) {
  if (field.dataset.kind === "checkbox") return field.checked;
  if (field.tagName === "SELECT" ? "missing" in field.selectedOptions[0].dataset : field.value.trim() === "") return null;
  if (field.dataset.kind === "number") return Number(field.value);
  if (field.dataset.kind === "datetime") return `${field.value}Z`;
  return field.dataset.kind === "json" ? parsed(field.value) : field.value;
}

// Versions: their sections are fetched again from the server

async function show(url, ids = ["version", "models", "predict"]) {
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`The fit is done, but the server answered ${answer.status} to the request for this page.`);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!ids.includes("version") && url !== shown()) return show(shown(), ids); // another version has been shown meanwhile
  for (const id of ids) {
    const made = page.getElementById(id);
    if (made) byId(id).replaceWith(made);
  }
  if (ids.includes("version")) {
    document.title = page.title;
    history.replaceState(null, "", url);
  }
  enable();
}

function enable() {
  for (const button of document.querySelectorAll("button[type=submit]")) button.disabled = false;
}

function choose() {
  const form = byId("fit-form");
  const data = takesFiles() ? "files" : form.elements.data.value;
  for (const part of form.querySelectorAll("[data-model], [data-data]")) {
    const chosen = part.dataset.model ? byId("fit-model").value : data;
    part.hidden = part.disabled = (part.dataset.model ?? part.dataset.data) !== chosen;
  }
  byId("fit-data").hidden = byId("fit-data").disabled = takesFiles();
  const metrics = byId("fit-model").selectedOptions[0].dataset.metrics.split(" ").filter(Boolean);
  offerGate(data.startsWith("source-") ? "source" : data, metrics);
}

// The field of a form that takes a file; in the form of a fit to rows a file is the choice of one
function fileField(form) {
  if (form.id === "fit-form" && !takesFiles()) {
    form.querySelector("[name=data][value=csv]").checked = true;
    choose();
  }
  return form.querySelector("[type=file]:enabled");
}

// The dummy source gives numbers to regressors, and labels to classifiers
function chooseKind() {
  const kind = byId("source-dummy-kind");
  if (kind) kind.value = byId("fit-model").selectedOptions[0].dataset.task === "classification" ? "classes" : "numbers";
}

// Jobs

const rows = new Map();
let fits = null;

function listen() {
  for (const row of document.querySelectorAll("#jobs-table tbody tr")) rows.set(row.dataset.id, row);
  const stream = new EventSource(`${root}/jobs/events`);
  stream.addEventListener("jobs", (event) => list(JSON.parse(event.data).jobs));
  stream.addEventListener("error", () => {
    summary(stream.readyState === EventSource.CLOSED ? "Not live: load the page again." : "Connecting again …");
  });
}

function list(jobs) {
  const body = byId("jobs-table").tBodies[0];
  const ids = new Set(jobs.map((job) => job.id));
  for (const [id, row] of rows) if (!ids.has(id)) { row.remove(); rows.delete(id); }
  jobs.forEach((job, place) => {
    const row = rows.get(job.id) ?? blank(job);
    fill(row, job);
    if (body.rows[place] !== row) body.insertBefore(row, body.rows[place] ?? null);
  });
  const count = (...states) => jobs.filter((job) => states.includes(job.status)).length;
  const waiting = count("PENDING", "RETRY");
  summary(jobs.length ? `The newest ${jobs.length}: ${count("STARTED")} running, ${waiting} waiting.` : "No jobs yet.");
  refresh(jobs);
}

function summary(text) {
  if (byId("jobs-summary").textContent !== text) byId("jobs-summary").textContent = text;
}

function blank(job) {
  const link = element("a", { href: `${root}/jobs/${job.id}` }, element("code", {}, job.id.slice(0, 8)));
  const row = element("tr", {}, element("th", { scope: "row" }, link), ...Array.from({ length: 5 }, () => element("td")));
  row.dataset.id = job.id;
  row.cells[4].className = "n";
  rows.set(job.id, row);
  return row;
}

function fill(row, job) {
  const shown = JSON.stringify(job);
  if (row.shown === shown) return;
  row.shown = shown;
  const [, what, state, accepted, took, action] = row.cells;
  what.textContent = `${job.verb} ${job.model}${job.version ? ` ${job.version}` : ""}`;
  state.replaceChildren(...states(job));
  accepted.textContent = job.created.slice(11, 19);
  took.textContent = job.finished && job.started ? duration(new Date(job.finished) - new Date(job.started)) : "";
  if (FINISHED.has(job.status)) {
    if (action.contains(document.activeElement)) byId("jobs-title").focus();
    action.replaceChildren();
  } else if (!action.firstChild) {
    const button = element("button", { type: "button", ariaLabel: `Cancel the ${job.verb} ${job.id.slice(0, 8)}` }, "Cancel");
    button.dataset.cancel = job.id;
    action.replaceChildren(button);
  }
}

function states(job) {
  const shown = [element("span", { className: `state ${job.status.toLowerCase()}` }, job.status.toLowerCase())];
  if (job.progress !== undefined && job.status === "STARTED") {
    const percent = Math.round(job.progress * 100);
    shown.push(element("progress", { max: 100, value: percent, ariaLabel: "Progress" }), ` ${percent} %`);
    if (job.step) shown.push(" ", element("span", { className: "quiet" }, job.step));
  }
  if (job.error) shown.push(" ", element("span", { className: "quiet" }, job.error.detail));
  return shown;
}

function duration(ms) {
  return ms < 1000 ? `${ms} ms` : ms < 60000 ? `${(ms / 1000).toFixed(1)} s` : ms < 3600000 ? `${(ms / 60000).toFixed(1)} min` : `${(ms / 3600000).toFixed(1)} h`;
}

// The URL of the version that is shown, which may not be the latest any more
function shown() {
  const { model, version } = byId("predict-form")?.dataset ?? {};
  return model ? `${root}/?model=${encodeURIComponent(model)}&version=${version}` : location.href;
}

// A new fit, by any caller, has a new version: fetch the list of versions again
function refresh(jobs) {
  const done = jobs.filter((job) => job.verb === "fit" && job.status === "SUCCESS").map((job) => job.id);
  const added = fits !== null && done.some((id) => !fits.has(id));
  fits = new Set(done);
  if (added) show(shown(), ["models"]).catch(() => {});
}

// The button stays enabled, since a disabled one loses the keyboard's focus; to cancel twice does no harm
async function cancel(button) {
  try {
    await send("DELETE", `${root}/jobs/${button.dataset.cancel}`);
  } catch (error) {
    summary(error.message);
  }
}

// Health and traffic

const POLL_MS = 5000;
const KEPT = 60;
const OWN = new Set(["/", "/metrics", "/page/{digest}/{file}", "/health/ready", "/health/live", "/ping", "/jobs/{job_id}"]);
const series = JSON.parse(byId("traffic").dataset.history); // what the server has counted before the page was opened
let before = null;

async function health() {
  try {
    const answer = await fetch(`${root}/health/ready`);
    const { parts } = await answer.json();
    for (const item of byId("health").children) {
      light(item, parts[item.textContent.split(":")[0]] ?? "?");
    }
  } catch {
    for (const item of byId("health").children) light(item, "no answer");
  }
}

function light(item, state) {
  item.className = state === "ok" ? "ok" : "bad";
  if (item.lastChild.textContent !== state) item.lastChild.textContent = state;
}

async function traffic() {
  try {
    const answer = await fetch(`${root}/metrics`);
    if (!answer.ok) throw new Error(answer.status);
    const now = { at: performance.now(), ...counted(await answer.text()) };
    if (before) measure(now, before);
    before = now;
  } catch {
    byId("traffic-hint").textContent = "The metrics can’t be read now.";
    before = null;
  }
}

// From the text format: the number of requests, and how many took at most each bound
function counted(text) {
  let total = 0;
  const buckets = new Map();
  for (const line of text.split("\n")) {
    const found = line.match(/^trinity_http_request(s_total|_duration_seconds_bucket)\{(.*)\} (\S+)/);
    if (!found) continue;
    const labels = Object.fromEntries([...found[2].matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name, value]));
    if (OWN.has(labels.route) || labels.route?.endsWith("/events")) continue;
    if (found[1] === "s_total") total += Number(found[3]);
    else buckets.set(labels.le, (buckets.get(labels.le) ?? 0) + Number(found[3]));
  }
  return { total, buckets };
}

function measure(now, last) {
  const rate = Math.max(0, (now.total - last.total) / ((now.at - last.at) / 1000));
  series.rate.push(rate);
  series.latency.push(quantile(0.95, now.buckets, last.buckets));
  byId("traffic-hint").textContent = "The last minutes, without this page’s own requests.";
  draw();
}

function draw() {
  const [rate, latency] = [series.rate.at(-1) ?? null, series.latency.at(-1) ?? null];
  byId("rate").textContent = rate === null ? "–" : rate < 10 ? rate.toFixed(1) : Math.round(rate);
  byId("latency").textContent = latency === null ? "–" : duration(latency < 0.01 ? Number((latency * 1000).toFixed(1)) : Math.round(latency * 1000));
  for (const name of Object.keys(series)) spark(name);
}

// Linear interpolation within a bucket, as Prometheus does
function quantile(share, now, last) {
  const bounds = [...now.keys()].map((le) => [le === "+Inf" ? Infinity : Number(le), now.get(le) - (last.get(le) ?? 0)]);
  bounds.sort(([a], [b]) => a - b);
  const all = bounds.at(-1)?.[1] ?? 0;
  if (!(all > 0)) return null;
  let [low, below] = [0, 0];
  for (const [bound, count] of bounds) {
    if (count >= share * all) return bound === Infinity ? low : low + (bound - low) * ((share * all - below) / (count - below || 1));
    [low, below] = [bound, count];
  }
  return low;
}

function spark(name) {
  const values = series[name];
  while (values.length > KEPT) values.shift();
  const greatest = Math.max(...values.filter((one) => one !== null), 1e-9);
  let data = "";
  values.forEach((one, place) => {
    if (one === null) return;
    const joined = place > 0 && values[place - 1] !== null;
    data += `${joined ? "L" : "M"}${(((KEPT - values.length + place) / (KEPT - 1)) * 120).toFixed(1)} ${(30 - (one / greatest) * 28).toFixed(1)}${joined ? "" : "h0.1"}`;
  });
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", data);
  byId(`${name}-spark`).replaceChildren(path);
}

function often(task, ms) {
  const turn = async () => {
    if (document.visibilityState === "visible") await task();
    setTimeout(turn, ms);
  };
  turn();
}

document.addEventListener("submit", (event) => {
  const work = { "fit-form": fit, "predict-form": predict, "alias-form": move }[event.target.id];
  if (!work) return;
  event.preventDefault();
  run(event.target, event.target.id.replace("form", "outcome"), () => work(event.target));
});
document.addEventListener("change", (event) => {
  if (event.target.id === "fit-file" || byId("dialect").contains(event.target)) offerColumns();
  else if (event.target.name === "predict") event.target.closest("tr").querySelector("[name=use]").disabled = event.target.checked;
  else if (["fit-model", "gate-rows"].includes(event.target.id) || event.target.name === "data") choose();
  if (event.target.id === "fit-model") chooseKind();
});
document.addEventListener("click", (event) => {
  if (event.target.dataset?.cancel) cancel(event.target);
});

takeDrops(fileField);
enable();
choose();
chooseKind();
offerColumns();
if (queued) listen();
draw();
setTimeout(() => often(health, 3 * POLL_MS), 3 * POLL_MS);
often(traffic, POLL_MS);
