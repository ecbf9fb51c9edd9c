// Sends a picture, waits for its task, and draws the boxes that come back.

import { ask } from "./requests.js";

const POLL_MS = 250;
const COLOURS = 6;
const byId = (id) => document.getElementById(id);
let chosen = 0; // of several pictures only the last is shown

function say(text, wrong = false) {
  byId("state").textContent = text;
  byId("state").classList.toggle("wrong", wrong);
}

async function detect(file) {
  const mine = ++chosen;
  byId("found").hidden = true;
  byId("boxes").replaceChildren();
  byId("objects").replaceChildren();
  say("Sending…");
  try {
    const form = new FormData();
    form.append("file", file);
    let task = await ask("start_task", { method: "POST", body: form });
    while (mine === chosen && ["PENDING", "STARTED"].includes(task.status)) {
      say("Looking…");
      await new Promise((resume) => setTimeout(resume, POLL_MS));
      task = await ask(`task_result/${task.task_id}`);
    }
    if (mine !== chosen) return;
    if (task.status !== "SUCCESS") throw new Error(task.error ?? task.status);
    await show(file, task.result);
  } catch (error) {
    if (mine === chosen) say(error.message, true);
  }
}

async function show(file, objects) {
  const picture = byId("picture");
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  await picture.decode();
  const { naturalWidth: width, naturalHeight: height } = picture; // of the upright picture
  byId("boxes").setAttribute("viewBox", `0 0 ${width} ${height}`);
  byId("boxes").replaceChildren(...objects.toReversed().flatMap((each) => drawn(each, Math.max(width, height) / 32)));
  byId("objects").replaceChildren(...objects.map(row));
  byId("found").hidden = false;
  say(objects.length === 1 ? "1 object" : `${objects.length} objects`);
}

function drawn({ name, class: kind, confidence, box }, size) {
  const colour = `c${kind % COLOURS}`;
  const label = `${name} ${confidence.toFixed(2)}`;
  const top = Math.max(box.y1 - 1.4 * size, 0);
  const text = element("text", { x: box.x1 + 0.3 * size, y: top + size, "font-size": size });
  text.textContent = label;
  return [
    element("rect", { class: `box ${colour}`, x: box.x1, y: box.y1, width: box.x2 - box.x1, height: box.y2 - box.y1 }),
    element("rect", { class: `back ${colour}`, x: box.x1, y: top, width: (0.6 * label.length + 0.6) * size, height: 1.4 * size }),
    text,
  ];
}

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function row({ name, confidence }) {
  const line = document.createElement("tr");
  for (const text of [name, confidence.toFixed(2)]) line.insertCell().textContent = text;
  return line;
}

function take(files) {
  if (files.length) detect(files[0]);
}

byId("file").addEventListener("change", (event) => take(event.target.files));
addEventListener("paste", (event) => take(event.clipboardData.files));
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files);
  });
}
