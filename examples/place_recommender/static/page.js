// Asks for places, draws them as a list and a map, and says which one was selected.

import { ask as request } from "./requests.js";

const by = (id) => document.getElementById(id);
const WAIT_MS = 200;
const SVG = "http://www.w3.org/2000/svg";

function call(method, path, body) {
  if (body === undefined) return request(path, { method });
  return request(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
}

const pause = () => new Promise((resolve) => setTimeout(resolve, WAIT_MS));

async function ended(task) {
  for (;;) {
    const { status } = await call("GET", `inference/status/${task}`);
    if (status !== "PENDING" && status !== "STARTED") return status;
    await pause();
  }
}

function tell(error) {
  by("state").textContent = error instanceof Error ? error.message : error;
}

async function about() {
  const info = await call("GET", "content/info");
  const ranker = info.version ? `ranker version ${info.version}` : "no ranker yet";
  by("about").textContent = `${info.locations} places, ${info.selections} selections, ${ranker}`;
}

async function categories() {
  const { items } = await call("GET", "content/categories?limit=100");
  for (const { name } of items) by("category").add(new Option(name));
}

function shape(kind, values, parent) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function draw(places, centre, choose) {
  const map = by("map");
  map.replaceChildren();
  const narrow = Math.cos((centre.latitude * Math.PI) / 180);
  const spots = places.map((place) => [(place.longitude - centre.longitude) * narrow, centre.latitude - place.latitude]);
  const widest = Math.max(...spots.flat().map(Math.abs), 1e-6);
  for (const share of [0.5, 1]) shape("circle", { cx: 200, cy: 200, r: 180 * share, class: "ring" }, map);
  shape("circle", { cx: 200, cy: 200, r: 6, class: "you" }, map);
  places.forEach((place, i) => {
    const [x, y] = spots[i].map((each) => 200 + (each / widest) * 170);
    const dot = shape("circle", { cx: x, cy: y, r: 11 }, map);
    shape("title", {}, dot).textContent = place.name;
    dot.addEventListener("click", () => choose(place));
    shape("text", { x, y }, map).textContent = i + 1;
  });
}

function list(places, choose) {
  by("list").replaceChildren(
    ...places.map((place) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.place = place.id;
      button.textContent = place.name;
      const more = document.createElement("small");
      more.textContent = ` ${place.distance_km.toFixed(1)} km, ★ ${place.rating}, ${"€".repeat(place.price)}`;
      button.append(more);
      button.addEventListener("click", () => choose(place));
      item.append(button);
      return item;
    }),
  );
}

async function select(task, place) {
  await call("PUT", "inference/select", { task_id: task, location_id: place ? place.id : null });
  for (const each of by("list").querySelectorAll("button"))
    each.classList.toggle("chosen", place !== null && Number(each.dataset.place) === place.id);
  tell(place ? `You chose ${place.name}.` : "You chose none of these.");
  await about();
}

async function ask(event) {
  event.preventDefault();
  tell("Ranking…");
  const user = Number(by("user").value);
  const category = by("category").value;
  const started = await call("POST", "inference/start", {
    user,
    radius_km: Number(by("radius").value),
    categories: category ? [category] : [],
  });
  await ended(started.task_id);
  const { places } = await call("GET", `inference/results/${started.task_id}?limit=10`);
  const { items } = await call("GET", `content/users?after=${user - 1}&limit=1`);
  const choose = (place) => select(started.task_id, place).catch(tell);
  list(places, choose);
  draw(places, items[0], choose);
  by("none").onclick = () => choose(null);
  by("found").hidden = false;
  tell(`${places.length} places, the best first. Select one.`);
}

async function train() {
  tell("Training…");
  const before = (await call("GET", "content/info")).version;
  const started = await call("POST", "train/start");
  const status = await ended(started.task_id);
  const { version } = await call("GET", "content/info");
  if (status !== "SUCCESS") tell("The training failed.");
  else tell(version === before ? "Trained; the ranker before was as good." : `Trained; version ${version} serves.`);
  await about();
}

by("ask").addEventListener("submit", (event) => ask(event).catch(tell));
by("train").addEventListener("click", () => train().catch(tell));
Promise.all([about(), categories()]).catch(tell);
