// What the page shows, as its URL says it: so it can be shared, and the back button works.
export function readState(reports) {
  const url = new URL(location.href);
  const path = url.pathname.split("/").filter(Boolean);
  const dashboard = path[0] === "pipeline" ? "pipeline" : decodeURIComponent(path[1] ?? "");
  const filters = {};
  for (const name of Object.keys(reports.filters)) {
    const values = url.searchParams.getAll(name).filter(Boolean);
    if (values.length) filters[name] = values;
  }
  return { dashboard, tab: Number(url.searchParams.get("tab") ?? 0) || 0, filters };
}

export function query(state, withTab = true) {
  const parameters = new URLSearchParams();
  if (withTab && state.tab) parameters.set("tab", state.tab);
  for (const [name, values] of Object.entries(state.filters)) {
    for (const value of values) parameters.append(name, value);
  }
  return parameters;
}

export function address(state) {
  const path = state.dashboard === "pipeline" ? "/pipeline" : `/d/${encodeURIComponent(state.dashboard)}`;
  const parameters = query(state).toString();
  return parameters ? `${path}?${parameters}` : path;
}
