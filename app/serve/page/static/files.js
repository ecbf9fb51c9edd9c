// Files in forms: what is sent with them, and those that are dropped on a form.

// Files and the options beside them, as the API takes both, and what a gate compares on; without a file there is none
export function formOf(file, options, heldOut = null) {
  const form = new FormData();
  if (file) form.append("file", file);
  if (heldOut) form.append("promote_on", heldOut);
  for (const [name, value] of Object.entries(options)) if (value !== undefined) form.append(name, asText(value));
  return form;
}

function asText(value) {
  if (Array.isArray(value)) return value.map(asText).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}

// A file that is dropped on a form goes into the field that `fieldOf` names for it; beside them it replaces no page
export function takeDrops(fieldOf) {
  let marked = null;
  const mark = (form) => {
    marked?.classList.remove("over");
    marked = form;
    marked?.classList.add("over");
  };
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      const form = event.target.closest?.("form:has([type=file])");
      mark(kind === "dragover" ? form : null);
      if (kind === "drop" && form && event.dataTransfer.files.length) put(fieldOf(form), event.dataTransfer.files[0]);
    });
  }
}

function put(field, file) {
  const one = new DataTransfer(); // a field takes one file, of several the first
  one.items.add(file);
  field.files = one.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
