// A panel: one question on a card, drawn as its YAML says, updated in place.
import * as echarts from "./vendor/echarts.js";
import { beyond, inWords, label, nearest, options, room, rowsAt } from "./charts.js";
import { element, visible } from "./dom.js";
import * as format from "./format.js";

const MOST_ROWS = 200;
const CHARTS = new Set(["line", "area", "column", "bar", "heatmap"]);

export class Panel {
  // explain(name, at, measure) is called when the reader asks what a number is made of.
  constructor(panel, name, spec, filters, number, explain) {
    this.name = name;
    this.explain = spec.places ? explain : null;
    this.spec = spec;
    this.answer = null;
    this.showsTable = false;
    const id = `panel-${number}`;
    const height = panel.height;
    this.body = element("div", { class: "body", "aria-busy": "true" });
    this.note = element("span", { class: "note" });
    this.at = element("span", { class: "at" });
    this.toggle = element("button", { type: "button", class: "quiet small", "aria-pressed": "false", hidden: !CHARTS.has(spec.chart), onclick: () => this.switchView() }, "Table");
    this.csv = element("a", { class: "quiet small", download: "", href: "#" }, "CSV");
    const without = spec.without.filter((one) => filters[one]).map((one) => filters[one].title.toLowerCase());
    const remark = without.length ? ` Not filtered by ${without.join(", ")}.` : "";
    this.el = element("section", { class: `panel kind-${spec.chart}`, "aria-labelledby": `${id}-title`, "data-question": name },
      element("header", {},
        element("div", {},
          element("h2", { id: `${id}-title` }, panel.title ?? spec.title),
          element("p", { title: spec.description + remark }, spec.description + remark)),
        element("div", { class: "tools" }, this.toggle, this.csv)),
      this.body,
      element("footer", {}, this.note, this.at));
    this.el.style.setProperty("--width", panel.width);
    this.el.style.setProperty("--narrow", panel.width > 4 ? 6 : 3);
    this.el.style.setProperty("--height", height);
    this.skeleton();
  }

  link(parameters) {
    this.csv.href = `/q/${this.name}.csv?${parameters}`;
    this.csv.setAttribute("aria-label", `${this.spec.title} as CSV`);
    this.toggle.setAttribute("aria-label", `${this.spec.title} as a table`);
  }

  // Its data are those of other filters until the next answer comes.
  waiting() {
    this.body.setAttribute("aria-busy", "true");
    this.el.classList.add("waiting");
  }

  skeleton() {
    this.dispose();
    this.body.replaceChildren(element("div", { class: "skeleton", role: "status" }, element("span", { class: "hidden" }, "Loading")));
  }

  take(answer) {
    this.body.setAttribute("aria-busy", "false");
    this.el.classList.remove("waiting");
    if (answer.error) {
      this.fail(answer.error, answer.hint);
      return;
    }
    this.answer = answer;
    this.touch(answer.at);
    this.draw();
  }

  touch(at) {
    if (this.answer) this.answer.at = at;
    this.at.textContent = at ? format.asClock(Date.parse(at)) : "";
  }

  draw() {
    if (!this.answer) return;
    const { rows } = this.answer;
    this.note.textContent = this.answer.is_cut ? "Only the first rows are shown." : "";
    if (rows.length === 0) this.say("empty", this.spec.empty);
    else if (this.showsTable || this.spec.chart === "table") this.table();
    else if (this.spec.chart === "number") this.numbers();
    else if (this.spec.chart === "feed") this.feed();
    else this.chart();
  }

  redraw() {
    if (this.answer && this.plot) this.chart();
  }

  say(kind, text, more) {
    this.dispose();
    this.body.replaceChildren(element("p", { class: kind }, visible(text), more ? element("small", {}, visible(more)) : null));
  }

  fail(text, hint) {
    this.answer = null;
    this.say("error", text, hint);
  }

  switchView() {
    this.showsTable = !this.showsTable;
    this.toggle.setAttribute("aria-pressed", String(this.showsTable));
    this.toggle.textContent = this.showsTable ? "Chart" : "Table";
    this.draw();
  }

  chart() {
    if (!this.plot) {
      const host = element("div", { class: "plot", role: "img" });
      this.body.replaceChildren(host);
      this.host = host;
      this.plot = echarts.init(host, null, { renderer: "canvas" });
      this.observer = new ResizeObserver(() => this.resize());
      this.observer.observe(host);
      if (this.explain) this.follow();
    }
    const size = { width: this.host.clientWidth || 400, height: this.host.clientHeight || 240 };
    this.plot.setOption(options(this.spec, this.answer, size), { replaceMerge: ["series"], lazyUpdate: true });
    this.host.setAttribute("aria-label", `${this.spec.title}: ${inWords(this.spec, this.answer)}`);
    const left = new Set(this.answer.rows.map((row) => row[0])).size - room(this.spec, this.answer, size);
    if (this.spec.chart === "bar" && left > 0) this.note.textContent = `${left} more in the table`;
  }

  // A click on a bar or a cell explains it; one beside it, or on a line, what is next to it.
  follow() {
    let hit = null;
    this.plot.on("click", (point) => {
      hit = point;
    });
    this.plot.getZr().on("click", ({ offsetX, offsetY }) => setTimeout(() => {
      const point = hit ?? this.beside(offsetX, offsetY);
      hit = null;
      if (!point) return;
      const rows = rowsAt(this.spec, this.answer, point);
      const measure = this.spec.y.find((shown) => label(shown) === point.seriesName);
      if (rows.length) this.explainRows(rows, measure);
    }));
    this.host.classList.add("followed");
  }

  beside(x, y) {
    if (this.spec.chart === "heatmap" || !this.plot.containPixel("grid", [x, y])) return null;
    const at = this.plot.convertFromPixel("grid", [x, y]);
    return nearest(this.spec, this.answer, this.spec.chart === "bar" ? at[1] : at[0]);
  }

  // What all these rows have in common says where in the answer.
  explainRows(rows, measure) {
    const at = {};
    for (const column of this.spec.places) {
      const place = this.answer.columns.findIndex((one) => one.name === column);
      const values = new Set(rows.map((row) => row[place]));
      if (values.size === 1) at[column] = rows[0][place] ?? "";
    }
    this.explain(this.name, at, measure?.column ?? "");
  }

  explaining(row, content, measure = undefined, name = "") {
    if (!this.explain) return element("span", {}, content);
    return element("button", { type: "button", class: "explaining", title: "What is it made of?", "aria-label": `${name ? `${name}: ` : ""}${content}: what is it made of?`, onclick: () => this.explainRows([row], measure) }, content);
  }

  resize() {
    if (!this.plot || this.host.clientWidth === 0) return;
    this.plot.resize();
    this.chart();
  }

  dispose() {
    this.observer?.disconnect();
    this.plot?.dispose();
    this.plot = this.observer = this.host = null;
  }

  numbers() {
    this.dispose();
    const row = this.answer.rows[0];
    const tiles = this.spec.y.map((shown) => {
      const value = row[this.place(shown)];
      const limit = this.limit(shown, value);
      return element("div", { class: limit ? `tile ${limit.level}` : "tile" },
        element("span", { class: "value" }, this.explaining(row, format.number(value, shown.unit), shown, label(shown)), element("small", {}, unitOf(shown))),
        element("span", { class: "label" }, label(shown)),
        limit?.meaning ? element("span", { class: "meaning" }, limit.meaning) : null);
    });
    this.body.replaceChildren(element("div", { class: "tiles" }, ...tiles));
  }

  limit(shown, value) {
    return value === null ? undefined : beyond(this.spec, shown.column, value);
  }

  shown() {
    const parts = [this.spec.x, this.spec.series, ...this.spec.y, ...this.spec.columns].filter(Boolean);
    return parts.filter((part) => this.place(part) >= 0);
  }

  place(shown) {
    return this.answer.columns.findIndex((column) => column.name === shown.column);
  }

  table() {
    this.dispose();
    const columns = this.shown().map((shown) => ({ shown, at: this.place(shown) }));
    const isRight = ({ at }) => format.isNumber(this.answer.columns[at].type);
    const head = columns.map((column) => element("th", { scope: "col", class: isRight(column) ? "number" : null }, label(column.shown)));
    const rows = this.answer.rows.slice(0, MOST_ROWS).map((row) => element("tr", {}, ...columns.map((column, number) => {
      const { shown, at } = column;
      const text = format.cell(row[at], this.answer.columns[at].type, shown.unit);
      const limit = typeof row[at] === "number" ? this.limit(shown, row[at]) : null;
      const kind = [isRight(column) ? "number" : "", limit ? limit.level : ""].join(" ").trim();
      return element("td", { class: kind || null, title: limit?.meaning || null }, number === 0 ? this.explaining(row, text) : text);
    })));
    const scrolled = this.body.querySelector(".scroll")?.scrollTop ?? 0;
    const scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${this.spec.title}, table` },
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)));
    this.body.replaceChildren(scroll);
    scroll.scrollTop = scrolled;
    const more = this.answer.rows.length - MOST_ROWS;
    if (more > 0) this.note.textContent = `${more} more rows in the CSV`;
  }

  // The latest rows, newest first: time, headline, and what else there is. Known rows stay as they are.
  feed() {
    if (!this.list) this.list = new Map();
    if (this.plot || !this.body.querySelector(".feed")) {
      this.dispose();
      this.list.clear();
      this.body.replaceChildren(element("ol", { class: "feed", tabindex: "0", "aria-label": this.spec.title }));
    }
    const host = this.body.querySelector(".feed");
    const [time, title, ...details] = this.spec.columns;
    const isFirst = this.list.size === 0;
    const next = new Map();
    for (const row of this.answer.rows) {
      const key = JSON.stringify(row);
      next.set(key, this.list.get(key) ?? this.entry(row, time, title, details, !isFirst));
    }
    this.list = next;
    const wanted = [...next.values()];
    for (const old of [...host.children]) if (!wanted.includes(old)) old.remove();
    wanted.forEach((one, at) => {
      if (host.children[at] !== one) host.insertBefore(one, host.children[at] ?? null);
    });
    this.tick();
  }

  entry(row, time, title, details, isNew) {
    const at = row[this.place(time)];
    const moment = element("time", { datetime: at, title: format.asMoment(at) }, format.ago(Date.parse(at)));
    const facts = details.map((shown) => {
      const place = this.place(shown);
      const value = row[place];
      if (value === null || value === "" || value === false) return null;
      const text = typeof value === "number" ? format.measured(value, shown.unit) : value === true ? label(shown) : format.cell(value, this.answer.columns[place].type);
      return element("span", { class: "fact" }, text);
    });
    return element("li", { class: isNew ? "new" : null },
      element("p", { class: "headline", dir: "auto" }, this.explaining(row, visible(row[this.place(title)] || "(no message)"))),
      element("p", { class: "facts" }, ...facts, moment));
  }

  tick() {
    for (const moment of this.body.querySelectorAll(".feed time")) {
      const text = format.ago(Date.parse(moment.dateTime));
      if (moment.textContent !== text) moment.textContent = text;
    }
  }
}

function unitOf(shown) {
  return !shown.unit || ["percent", "seconds", "bytes"].includes(shown.unit) ? "" : ` ${shown.unit}`;
}
