import { ask, keyHeaders, taken } from "./requests.js";

const element = (id) => document.getElementById(id);
const POLL_MS = 300;

function show(fraction, step, error = "") {
  element("work").hidden = false;
  element("bar").value = fraction;
  element("step").textContent = step;
  element("error").textContent = error;
}

// XMLHttpRequest says how much of the file is sent; fetch does not
function send(form) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "upload");
    for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => show((0.3 * event.loaded) / event.total, "sending");
    request.onload = () => {
      try {
        resolve(taken(request.status, request.responseText, request.getResponseHeader("Retry-After")).task_id);
      } catch (error) {
        reject(error);
      }
    };
    request.onerror = () => reject(new Error("the service does not answer"));
    request.send(form);
  });
}

async function wait(task) {
  for (;;) {
    const state = await ask(`elab_status/${task}`);
    if (state.status === "SUCCESS") return;
    if (state.status !== "PENDING" && state.status !== "STARTED") throw new Error(state.error ?? state.status);
    show(0.3 + 0.7 * (state.progress ?? 0), state.step ?? (state.status === "PENDING" ? "waiting" : "processing"));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

element("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  element("download").hidden = true;
  try {
    show(0, "sending");
    const task = await send(new FormData(event.target));
    await wait(task);
    show(1, "done");
    element("download").href = `elab_result/${task}`;
    element("download").hidden = false;
  } catch (error) {
    show(0, "", error.message);
  } finally {
    button.disabled = false;
  }
});
