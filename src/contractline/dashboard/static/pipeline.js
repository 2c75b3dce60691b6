// The page of the pipeline itself: services, lag of each stream, quality, connectors, contracts.
import { element, visible } from "./dom.js";
import * as format from "./format.js";

function card(title, description, width, ...children) {
  const id = `part-${title.toLowerCase().replaceAll(" ", "-")}`;
  const made = element("section", { class: "panel auto", "aria-labelledby": id },
    element("header", {}, element("div", {}, element("h2", { id }, title), element("p", {}, description))),
    element("div", { class: "body" }, ...children));
  made.style.setProperty("--width", width);
  made.style.setProperty("--narrow", 6);
  return made;
}

function table(title, head, rows) {
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, table` },
    element("table", {},
      element("thead", {}, element("tr", {}, ...head.map(([text, kind]) => element("th", { scope: "col", class: kind }, text)))),
      element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells)))));
}

function text(value, kind) {
  return element("td", { class: kind }, value === null || value === undefined || value === "" ? "–" : visible(value));
}

function state(level, words, title) {
  return element("td", {}, element("span", { class: `badge ${level}`, title: title || null }, words));
}

function service(one) {
  const words = one.is_up ? "up" : "away";
  return element("div", { class: `service ${one.is_up ? "good" : "bad"}` },
    element("span", { class: "dot", "aria-hidden": "true" }),
    element("div", {},
      element("strong", {}, one.name),
      element("span", { class: "facts" }, one.is_up ? `${words} · ${format.duration(one.milliseconds / 1000)}${one.version ? ` · ${one.version}` : ""}` : words),
      one.problem ? element("p", { class: "problem" }, visible(one.problem)) : null));
}

function stream(one) {
  const errors = Object.entries(one.errors).map(([kind, count]) => `${count} ${kind}`).join(", ");
  const isLate = one.behind_seconds !== null && one.behind_seconds > one.promised_seconds;
  const behind = one.waiting === null
    ? state("unknown", "unknown")
    : one.waiting === 0 ? state("good", "up to date")
    : state(isLate ? "bad" : "warning", one.behind_seconds === null ? "behind" : `${format.duration(one.behind_seconds)} behind`);
  return [
    text(one.name, "strong"), text(one.source), text(one.topic),
    text(one.messages === null ? null : format.number(one.messages), "number"),
    text(one.per_second === null || one.per_second === undefined ? null : `${format.number(Math.round(one.per_second * 10) / 10)}/s`, "number"),
    text(one.waiting === null ? null : format.number(one.waiting), "number"),
    behind, text(format.duration(one.promised_seconds), "number"),
    errors ? state("bad", errors) : state("good", "none"),
  ];
}

function connector(one) {
  const isWell = one.state === "RUNNING" && one.tasks.every((task) => task === "RUNNING");
  return [text(one.name, "strong"), state(isWell ? "good" : "bad", one.state.toLowerCase(), one.problem), text(one.tasks.join(", ").toLowerCase()), text(one.problem)];
}

function contract(one) {
  const registered = one.is_registered === null ? state("unknown", "unknown") : one.is_registered ? state("good", "registered") : state("bad", "not registered");
  return [text(one.name, "strong"), text(one.version === null ? "none" : `v${one.version}`, "number"), registered, text(format.number(one.fields), "number"), text(one.compatibility.toLowerCase().replaceAll("_", " ")), text(one.owner)];
}

function quality(one) {
  const level = { holds: "good", fails: "bad" }[one.state] || "unknown";
  const value = one.value === null ? null : `${format.number(one.value)} ${one.unit}`.trim();
  return [text(one.stream, "strong"), text(one.rule), state(level, one.state, one.problem), text(value, "number"), text(one.expected), text(one.dimension), text(format.asMoment(one.at))];
}

export function drawPipeline(grid, content) {
  const kept = new Map([...grid.querySelectorAll(".scroll")].map((one) => [one.getAttribute("aria-label"), one.scrollLeft]));
  const focused = document.activeElement?.getAttribute("aria-label");
  const slots = content.slots.map((one) => [text(one.slot_name, "strong"), one.active ? state("good", "active") : state("warning", "idle"), text(one.bytes === null ? null : format.bytes(one.bytes), "number")]);
  grid.replaceChildren(
    card("Services", "Each was asked a moment ago.", 12, element("div", { class: "services" }, ...content.services.map(service))),
    card("Streams", "From Kafka into ClickHouse: what waits to be read, how old the oldest of it is, and the SLA of the contract.", 12,
      table("Streams", [["Stream"], ["Source"], ["Topic"], ["Messages", "number"], ["Rate", "number"], ["Waiting", "number"], ["Freshness"], ["Promise", "number"], ["Open errors"]], content.streams.map(stream))),
    card("Quality", "What was measured last of the quality rules of the contracts.", 12,
      table("Quality", [["Stream"], ["Rule"], ["State"], ["Value", "number"], ["Must be"], ["Dimension"], ["Measured"]], content.quality.map(quality))),
    card("Contracts", "The newest version of each, and whether the registry knows it.", 7,
      table("Contracts", [["Contract"], ["Version", "number"], ["Registry"], ["Fields", "number"], ["Compatibility"], ["Owner"]], content.contracts.map(contract))),
    card("Change data capture", "Connectors, and how much of PostgreSQL's log each slot still holds back.", 5,
      table("Connectors", [["Connector"], ["State"], ["Tasks"], ["Problem"]], content.connectors.map(connector)),
      table("Slots", [["Slot"], ["State"], ["Behind", "number"]], slots)),
  );
  for (const one of grid.querySelectorAll(".scroll")) {
    const name = one.getAttribute("aria-label");
    one.scrollLeft = kept.get(name) ?? 0;
    if (name === focused) one.focus({ preventScroll: true });
  }
}
