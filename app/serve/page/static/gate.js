// The gate of a fit: the alias that a better version takes over, what is compared, and on which rows.

const byId = (id) => document.getElementById(id);

// What the fields say, without the rows; null without an alias
export function gateOf() {
  const alias = byId("gate-alias").value.trim();
  if (!alias || byId("gate").disabled) return null;
  const [metric, gain] = [byId("gate-metric").value, byId("gate-gain").value];
  return { alias, metric: metric || undefined, gain: gain === "" ? undefined : Number(gain) };
}

// The same as members of a query or a form
export function gateMembers(gate) {
  return gate ? { promote: gate.alias, promote_metric: gate.metric, promote_gain: gate.gain } : {};
}

// The source of the rows, '' where they are sent; and the file that has them
export const rowsSource = () => byId("gate-rows").value;
export const rowsFile = () => byId("gate-file").files[0];

// Offer what goes with the data of a fit, which is source, csv or files: a fit of a source takes rows of a source, one of
// files a zip file, and one of a table either; a query has a source by its name, without parameters
export function offerGate(data, metrics) {
  byId("gate").hidden = byId("gate").disabled = !metrics.length;
  const chosen = byId("gate-metric").value;
  byId("gate-metric").replaceChildren(new Option(metrics.length ? `${metrics[0]} (default)` : "", ""), ...metrics.slice(1).map((name) => new Option(name)));
  if (metrics.includes(chosen, 1)) byId("gate-metric").value = chosen;
  const rows = byId("gate-rows");
  for (const option of rows.options) option.hidden = option.disabled = option.value ? data === "files" : data === "source";
  if (rows.selectedOptions[0]?.disabled ?? true) rows.value = [...rows.options].find((option) => !option.disabled).value;
  for (const [id, isShown] of [["gate-file", !rows.value], ["gate-params", rows.value && data === "source"]]) {
    byId(id).disabled = byId(id).closest(".field").hidden = !isShown;
  }
}
