// The page: reads its URL, draws the dashboard, and takes what the server pushes.
import "./trusted.js";
import { byId, element } from "./dom.js";
import { Explainer, hashOf } from "./explain.js";
import { FilterBar } from "./filters.js";
import * as format from "./format.js";
import { Panel } from "./panels.js";
import { drawPipeline } from "./pipeline.js";
import { address, query, readState } from "./state.js";

const RETRY_MS = 1500;
const SILENCE_MS = 40000;

const page = {
  reports: null, state: null, panels: [], source: null, bar: null,
  drawn: "", problem: null, away: {}, isConnected: false, seenAt: null, heardAt: 0,
};

async function start() {
  try {
    const answer = await fetch("/reports.json");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    page.reports = await answer.json();
  } catch (problem) {
    setStatus("lost", `Could not load: ${problem.message}`);
    setTimeout(start, RETRY_MS);
    return;
  }
  page.bar = new FilterBar(page.reports.filters, setFilter);
  byId("zone").textContent = `Times are in ${format.zone}; days and weeks are UTC.`;
  const { mistakes } = page.reports;
  byId("mistakes").hidden = mistakes === 0;
  byId("mistakes").textContent = `${mistakes} mistake${mistakes === 1 ? "" : "s"} in reports/: contractline check reports tells. What holds them is left out here.`;
  byId("theme").addEventListener("click", nextTheme);
  byId("theme").textContent = `Theme: ${document.documentElement.dataset.theme ?? "auto"}`;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  page.explainer = new Explainer(() => page.reports.questions, () => query(page.state, false));
  addEventListener("popstate", onMove);
  document.addEventListener("click", onLink);
  byId("tabs").addEventListener("keydown", onTabKey);
  setInterval(tick, 1000);
  show();
  page.explainer.show();
}

// Only what is explained may have changed: then the page below stays as it is.
function onMove() {
  if (location.pathname + location.search !== page.shown) show();
  page.explainer.show();
}

function explain(question, at, measure) {
  history.pushState(null, "", hashOf(question, at, measure));
  page.explainer.show();
}

function show() {
  page.shown = location.pathname + location.search;
  page.state = readState(page.reports);
  const { dashboard } = page.state;
  drawNav();
  const spec = page.reports.dashboards.find((one) => one.name === dashboard);
  if (dashboard === "pipeline") showPipeline();
  else if (spec) showDashboard(spec);
}

function showDashboard(spec) {
  page.state.tab = Math.min(page.state.tab, spec.tabs.length - 1);
  setHeading(spec.title, spec.description);
  drawTabs(spec);
  const names = spec.filters ?? Object.keys(page.reports.filters);
  if (!page.bar.isOpen()) page.bar.draw(names, page.state.filters);
  const key = `${spec.name}/${page.state.tab}`;
  if (page.drawn === key) page.panels.forEach((panel) => panel.waiting());
  else drawPanels(spec, key);
  const parameters = query(page.state, false);
  page.panels.forEach((panel) => panel.link(parameters));
  parameters.set("dashboard", spec.name);
  parameters.set("tab", page.state.tab);
  connect(parameters);
}

function showPipeline() {
  setHeading("Pipeline", "The state of the pipeline itself: services, how far each stream is read, contracts.");
  byId("tabs").replaceChildren();
  byId("tabs").hidden = true;
  page.bar.draw([], {});
  if (page.drawn !== "pipeline") {
    page.panels.forEach((panel) => panel.dispose());
    page.panels = [];
    page.drawn = "pipeline";
    byId("grid").classList.add("flowing");
    byId("grid").replaceChildren(element("div", { class: "panel auto" }, element("div", { class: "skeleton", role: "status" }, element("span", { class: "hidden" }, "Loading"))));
  }
  connect(new URLSearchParams({ dashboard: "pipeline" }));
}

function drawPanels(spec, key) {
  page.panels.forEach((panel) => panel.dispose());
  page.drawn = key;
  byId("grid").classList.remove("flowing");
  page.panels = spec.tabs[page.state.tab].panels.map((panel, number) =>
    new Panel(panel, panel.question, page.reports.questions[panel.question], page.reports.filters, number, explain));
  byId("grid").replaceChildren(...page.panels.map((panel) => panel.el));
}

function setHeading(title, description) {
  document.title = `${title} · contractline`;
  byId("title").textContent = title;
  byId("description").textContent = description;
}

function drawNav() {
  const entries = [...page.reports.dashboards.map((one) => [one.name, one.title]), ["pipeline", "Pipeline"]];
  const links = entries.map(([name, title]) => element("a", {
    href: address({ dashboard: name, tab: 0, filters: name === "pipeline" ? {} : page.state.filters }),
    "aria-current": name === page.state.dashboard ? "page" : null,
  }, title));
  byId("nav").replaceChildren(...links);
}

function drawTabs(spec) {
  const tabs = byId("tabs");
  const hadFocus = tabs.contains(document.activeElement);
  tabs.hidden = spec.tabs.length < 2;
  byId("grid").toggleAttribute("role", false);
  if (!tabs.hidden) {
    byId("grid").setAttribute("role", "tabpanel");
    byId("grid").setAttribute("aria-labelledby", `tab-${page.state.tab}`);
  }
  tabs.replaceChildren(...spec.tabs.map((tab, number) => {
    const isChosen = number === page.state.tab;
    return element("button", {
      type: "button", role: "tab", id: `tab-${number}`, "aria-selected": String(isChosen), "aria-controls": "grid",
      tabindex: isChosen ? "0" : "-1", onclick: () => go({ ...page.state, tab: number }),
    }, tab.title);
  }));
  if (hadFocus) byId(`tab-${page.state.tab}`)?.focus();
}

function onTabKey(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const count = byId("tabs").children.length;
  if (step === undefined || count === 0) return;
  event.preventDefault();
  go({ ...page.state, tab: (page.state.tab + step + count) % count });
}

function onLink(event) {
  const link = event.target.closest?.("a[href]");
  const isPlain = link && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !link.hasAttribute("download");
  if (!isPlain || link.origin !== location.origin || !/^\/(?:d\/|pipeline)/.test(link.pathname)) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  show();
  byId("main").focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

function go(state) {
  history.pushState(null, "", address(state));
  show();
}

function setFilter(name, values) {
  const filters = { ...page.state.filters };
  if (name === null) for (const one of Object.keys(filters)) delete filters[one];
  else if (isDefault(page.reports.filters[name], values)) delete filters[name];
  else filters[name] = values;
  go({ ...page.state, filters });
}

function isDefault(spec, values) {
  if (!values || values.length === 0) return true;
  if (spec.kind === "choice") return false;
  return values[0] === (spec.kind === "switch" ? (spec.default ? "on" : "off") : spec.default);
}

// What the server pushes

function connect(parameters) {
  page.source?.close();
  clearTimeout(page.retry);
  const source = new EventSource(`/events?${parameters}`);
  page.source = source;
  page.isConnected = false;
  refreshStatus();
  source.addEventListener("open", () => heard(true));
  source.addEventListener("error", () => onLost(source, parameters));
  source.addEventListener("health", (event) => onHealth(JSON.parse(event.data)));
  source.addEventListener("answer", (event) => onAnswer(JSON.parse(event.data)));
  source.addEventListener("same", (event) => onSame(JSON.parse(event.data)));
  source.addEventListener("options", (event) => onOptions(JSON.parse(event.data)));
  source.addEventListener("pipeline", (event) => onPipeline(JSON.parse(event.data)));
  source.addEventListener("upstream", (event) => onUpstream(JSON.parse(event.data)));
}

async function onLost(source, parameters) {
  if (source !== page.source) return;
  page.isConnected = false;
  refreshStatus();
  if (source.readyState !== EventSource.CLOSED) return;
  const words = await refusal(parameters);
  if (source !== page.source) return;
  if (words) page.panels.forEach((panel) => panel.take({ error: words }));
  page.retry = setTimeout(() => source === page.source && connect(parameters), RETRY_MS);
}

// The browser keeps to itself why the server refused: asked again, it says so.
async function refusal(parameters) {
  const stop = new AbortController();
  try {
    const answer = await fetch(`/events?${parameters}`, { signal: stop.signal });
    if (answer.ok) return null;
    return (await answer.json()).error;
  } catch {
    return null;
  } finally {
    stop.abort();
  }
}

function heard(isOpen) {
  page.heardAt = Date.now();
  if (isOpen) page.isConnected = true;
  refreshStatus();
}

function onHealth(health) {
  page.problem = health.problem;
  if (health.seen_at) page.seenAt = health.seen_at * 1000;
  heard(true);
}

function onAnswer(answer) {
  for (const panel of page.panels) if (panel.name === answer.question) panel.take(answer);
  if (answer.at) page.seenAt = Date.parse(answer.at);
  heard(true);
}

function onSame(same) {
  for (const panel of page.panels) if (panel.name === same.question) panel.touch(same.at);
  page.seenAt = Date.parse(same.at);
  heard(true);
}

function onOptions(content) {
  if (content.options) page.bar.setOptions(content.options);
}

function onUpstream(content) {
  page.away = content.away;
  heard(true);
}

function onPipeline(content) {
  heard(true);
  if (page.drawn !== "pipeline") return;
  if (content.at) page.seenAt = Date.parse(content.at);
  drawPipeline(byId("grid"), content);
}

// How the page is

function refreshStatus() {
  const isSilent = page.heardAt && Date.now() - page.heardAt > SILENCE_MS;
  const away = Object.keys(page.away);
  if (!page.isConnected && page.heardAt) setStatus("lost", "Connection lost, trying again");
  else if (!page.isConnected) setStatus("connecting", "Connecting");
  else if (page.problem) setStatus("away", "ClickHouse is away", page.problem);
  else if (!isSilent && away.length) setStatus("away", `${away.join(" and ")} ${away.length > 1 ? "are" : "is"} away, nothing new arrives from there`, Object.values(page.away).join("\n"));
  else setStatus(isSilent ? "lost" : "live", isSilent ? "Nothing heard" : "Live");
}

function setStatus(state, words, problem = "") {
  const status = byId("status");
  status.title = problem;
  const isOld = state !== "live" && state !== "connecting";
  const age = isOld && page.seenAt ? `data as of ${format.asClock(page.seenAt)}, ${format.duration(Math.round((Date.now() - page.seenAt) / 1000))} old` : "";
  if (byId("status-age").textContent !== age) byId("status-age").textContent = age;
  if (status.dataset.state === state && byId("status-text").textContent === words) return;
  status.dataset.state = state;
  byId("status-text").textContent = words;
  document.body.dataset.state = state;
}

function tick() {
  refreshStatus();
  page.panels.forEach((panel) => panel.tick());
}

function nextTheme() {
  const order = { auto: "light", light: "dark", dark: "auto" };
  const next = order[document.documentElement.dataset.theme ?? "auto"];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem("theme", next);
  } catch {
    // Storage may be forbidden: then the theme holds until the page is left.
  }
  byId("theme").textContent = `Theme: ${next}`;
  redraw();
}

function redraw() {
  page.panels.forEach((panel) => panel.redraw());
}

start();
