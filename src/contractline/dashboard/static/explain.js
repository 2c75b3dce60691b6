// What a number is made of: the records behind it, their messages, and where a commit is counted.
import { element, visible } from "./dom.js";
import * as format from "./format.js";

const AT = "at.";

// The part of the URL that says which number is explained: it can be shared, and the back button closes it.
export function hashOf(question, at, measure) {
  const parameters = new URLSearchParams({ explain: question });
  if (measure) parameters.set("measure", measure);
  for (const [column, value] of Object.entries(at)) parameters.set(AT + column, value);
  return `#${parameters}`;
}

export class Explainer {
  // questions() gives the questions' YAML by name; filters() the present filters as parameters.
  constructor(questions, filters) {
    this.questions = questions;
    this.filters = filters;
    this.body = element("div", { class: "explained" });
    this.title = element("h2", { id: "explain-title" });
    const close = element("button", { type: "button", class: "quiet", onclick: () => this.close() }, "Close");
    this.dialog = element("dialog", { class: "explain", "aria-labelledby": "explain-title" },
      element("header", {}, this.title, close), this.body);
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.close());
    document.body.append(this.dialog);
  }

  close() {
    history.pushState(null, "", location.pathname + location.search);
    this.show();
  }

  // Shows what the URL asks for; nothing when it asks for nothing.
  async show() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const name = wanted.get("explain");
    this.stop?.abort();
    const spec = this.questions()[name];
    if (!spec) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    wanted.delete("explain");
    this.title.textContent = spec.title;
    this.say("skeleton", "Loading");
    if (!this.dialog.open) this.dialog.showModal();
    const parameters = this.filters();
    for (const [key, value] of wanted) parameters.append(key, value);
    const found = await this.ask(`/explain/${encodeURIComponent(name)}.json?${parameters}`);
    if (found) this.draw(spec, found);
  }

  async ask(url) {
    const stop = new AbortController();
    this.stop = stop;
    try {
      const answer = await fetch(url, { signal: stop.signal });
      const content = await answer.json();
      if (answer.ok) return content;
      this.say("error", content.error);
    } catch (problem) {
      if (!stop.signal.aborted) this.say("error", `The page's server does not answer: ${problem.message}`);
    }
    return null;
  }

  say(kind, text) {
    const words = kind === "skeleton" ? element("span", { class: "hidden" }, text) : visible(text);
    this.body.replaceChildren(element("p", { class: kind, role: "status" }, words));
  }

  draw(spec, found) {
    const shown = shownBy(spec);
    const rows = found.answer.rows.slice(0, 12).map((row) => element("p", { class: "sum" },
      ...found.answer.columns.map((column, at) => this.part(shown, column, row[at]))));
    const kind = [...new Set(found.records.map((one) => one.relation.replaceAll("_", " ")))].join(", ") || "rows";
    const measure = spec.y.find((one) => one.column === found.measure);
    const newest = found.records.length < found.rows ? ` The newest ${found.records.length} of them:` : "";
    const made = `${measure && spec.y.length > 1 ? `${measure.title ?? measure.column}: made` : "Made"} of ${format.number(found.rows)} ${kind}.${newest}`;
    this.body.replaceChildren(...rows, element("p", { class: "made" }, made),
      element("ol", { class: "records" }, ...found.records.map((record) => this.record(record))));
  }

  part(shown, column, value) {
    const one = shown.find((shown) => shown.column === column.name);
    const name = one?.title ?? column.name.replaceAll("_", " ");
    const text = typeof value === "number" ? format.measured(value, one?.unit) : format.cell(value, column.type);
    return element("span", { class: "fact" }, `${name}: `, element("strong", {}, text));
  }

  record(record) {
    const { values } = record;
    const isCommit = values.commit_id !== undefined;
    const told = Object.entries(values).filter(([name, value]) => !/_at$|^since$/.test(name) && value !== null && value !== "");
    const headline = isCommit ? values.subject || "(no message)" : told.map(([name, value]) => `${name.replaceAll("_", " ")}: ${value}`).join(", ");
    const facts = isCommit ? [values.repository, values.commit_id.slice(0, 12), `source ${values.source}`] : [record.relation.replaceAll("_", " ")];
    return element("li", {},
      element("p", { class: "headline", dir: "auto" }, visible(headline)),
      element("p", { class: "facts" }, ...facts.map((fact) => element("span", { class: "fact" }, visible(fact)))),
      ...record.credits.map((credit) => element("p", { class: "credit" }, visible(inWords(credit)))),
      element("p", { class: "message" }, `Message ${visible(record.place)}`, ...messageOf(record.message)),
      way(record.hops),
      isCommit ? this.back(values.commit_id) : null);
  }

  // The other way round: in which numbers a commit is counted, question by question.
  back(commit) {
    const list = element("ul");
    const words = element("p", { role: "status" });
    const button = element("button", {
      type: "button", class: "small", "aria-label": `Where is commit ${commit.slice(0, 12)} counted?`,
      onclick: () => {
        button.disabled = true;
        this.look(commit, list, words);
      },
    }, "Where is it counted?");
    return element("div", { class: "back" }, button, list, words);
  }

  async look(commit, list, words) {
    for (const [name, spec] of Object.entries(this.questions())) {
      if (!spec.places) continue;
      if (!list.isConnected) return;
      words.textContent = `Looking into ${spec.title}…`;
      const parameters = this.filters();
      parameters.append("commit", commit);
      try {
        const answer = await fetch(`/counted/${encodeURIComponent(name)}.json?${parameters}`);
        const content = await answer.json();
        if (answer.ok) list.append(...countedIn(spec, content.counted));
        else list.append(element("li", {}, visible(`${spec.title}: ${content.error}`)));
      } catch (problem) {
        words.textContent = `The page's server does not answer: ${problem.message}`;
        return;
      }
    }
    words.textContent = list.children.length ? "" : "Nowhere under these filters.";
  }
}

function countedIn(spec, counted) {
  const units = new Map(shownBy(spec).map((one) => [one.column, one.unit]));
  return counted.flatMap(({ title, answer }) => answer.rows.slice(0, 3).map((row) => {
    const cells = answer.columns.map(({ name, type }, at) => `${name.replaceAll("_", " ")} ${format.cell(row[at], type, units.get(name))}`);
    return element("li", {}, element("strong", {}, title), `: ${cells.join(", ")}`);
  }));
}

function shownBy(spec) {
  return [spec.x, spec.series, ...spec.y, ...spec.columns].filter(Boolean);
}

function inWords(credit) {
  const who = credit.user_name ? `${credit.user_name} (found by ${credit.matched_by}, ${credit.certainty})` : "nobody in the table";
  const team = [credit.team, credit.position].filter(Boolean).join(", ");
  return [
    `${credit.role === "author" ? "Author" : "Co-author"} ${credit.name} → ${who}`,
    team ? `then in ${team}${credit.is_assumed ? " (assumed)" : ""}` : "",
    credit.share < 1 ? `${format.number(credit.share, "percent")} of the commit` : "",
    credit.bot ? `a bot: ${credit.bot}` : "",
  ].filter(Boolean).join(" · ");
}

function messageOf(message) {
  if (!message) return [" · Kafka holds it no more, or is away"];
  const schema = message.schema_id === null ? "" : ` · schema ${message.schema_id}`;
  const version = message.version === null ? "" : `, contract ${message.contract} v${message.version}`;
  return [visible(`${schema}${version} · ${format.bytes(message.bytes)}`)];
}

// Each hop with its time, and how long it took since the one before.
function way(hops) {
  return element("ol", { class: "hops" }, ...hops.map(({ name, at, seconds }) => element("li", { title: format.asMoment(at) },
    seconds === null ? `${name} ${format.asMoment(at)}` : `${name} ${seconds < 0 ? "−" : "+"}${format.duration(Math.abs(seconds))}`)));
}
