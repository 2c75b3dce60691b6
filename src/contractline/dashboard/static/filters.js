// The filter bar: one control for each filter, and what is set as the URL says it.
import { byId, element, visible } from "./dom.js";

const MOST_SHOWN = 300;
const PERIODS = { m: "minutes", h: "hours", d: "days", w: "weeks" };

export class FilterBar {
  // change(name, values) is called when the reader sets a filter; none means its default.
  constructor(specs, change) {
    this.specs = specs;
    this.change = change;
    this.options = {};
    this.form = byId("filters");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    document.addEventListener("click", (event) => this.closeUnless(event.target));
    document.addEventListener("keydown", (event) => this.onKey(event));
  }

  draw(names, chosen) {
    const focused = document.activeElement?.id;
    this.names = names;
    this.chosen = chosen;
    const controls = names.map((name) => this.control(name, this.specs[name], chosen[name] ?? []));
    const isSet = names.some((name) => (chosen[name] ?? []).length);
    const clear = element("button", { type: "button", class: "quiet", id: "clear", hidden: !isSet, onclick: () => this.change(null) }, "Clear filters");
    this.form.replaceChildren(...controls, clear);
    this.form.hidden = names.length === 0;
    if (focused && this.form.querySelector(`#${CSS.escape(focused)}`)) byId(focused).focus();
  }

  setOptions(options) {
    if (JSON.stringify(options) === JSON.stringify(this.options)) return;
    this.options = options;
    const open = this.form.querySelector("[aria-expanded=true]");
    if (open) return;
    if (this.names) this.draw(this.names, this.chosen);
  }

  control(name, spec, values) {
    if (spec.kind === "choice") return this.choice(name, spec, values);
    if (spec.kind === "switch") return this.switch(name, spec, values);
    if (spec.kind === "variant") return this.select(name, spec, Object.entries(spec.values), values[0] ?? spec.default);
    return this.period(name, spec, values);
  }

  labelled(name, spec, control, ...more) {
    return element("div", { class: "filter", title: spec.description || null },
      element("label", { for: control.id }, spec.title), control, ...more);
  }

  select(name, spec, entries, value) {
    const options = entries.map(([key, title]) => element("option", { value: key, selected: key === value }, title));
    const select = element("select", { id: `filter-${name}`, onchange: () => this.change(name, [select.value]) }, ...options);
    return this.labelled(name, spec, select);
  }

  period(name, spec, values) {
    const value = values[0] ?? spec.default;
    const isRange = value.includes("..");
    const known = spec.choices.includes(value) ? spec.choices : [...spec.choices, ...(isRange ? [] : [value])];
    const options = known.map((key) => element("option", { value: key, selected: key === value }, periodTitle(key)));
    options.push(element("option", { value: "range", selected: isRange }, "from – to"));
    const [first, last] = isRange ? value.split("..") : ["", ""];
    const from = element("input", { type: "date", id: `filter-${name}-from`, value: first, "aria-label": "From" });
    const to = element("input", { type: "date", id: `filter-${name}-to`, value: last, "aria-label": "To, included" });
    const range = element("span", { class: "range", hidden: !isRange }, from, element("span", { "aria-hidden": "true" }, "–"), to);
    const set = () => {
      if (from.value && to.value && from.value <= to.value) this.change(name, [`${from.value}..${to.value}`]);
    };
    from.addEventListener("change", set);
    to.addEventListener("change", set);
    const select = element("select", { id: `filter-${name}` }, ...options);
    select.addEventListener("change", () => {
      if (select.value !== "range") this.change(name, [select.value]);
      else {
        range.hidden = false;
        from.focus();
      }
    });
    return this.labelled(name, spec, select, range);
  }

  switch(name, spec, values) {
    const isOn = values[0] ? values[0] === "on" : spec.default;
    const box = element("input", { type: "checkbox", role: "switch", id: `filter-${name}` });
    box.checked = isOn;
    box.addEventListener("change", () => this.change(name, [box.checked ? "on" : "off"]));
    return element("div", { class: "filter switch", title: spec.description || null },
      element("label", { for: box.id }, spec.title), box);
  }

  choice(name, spec, values) {
    const id = `filter-${name}`;
    const text = values.length === 0 ? "all" : values.length === 1 ? visible(values[0]) : `${values.length} chosen`;
    const button = element("button", {
      type: "button", id, class: values.length ? "chooser set" : "chooser",
      "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": `${id}-list`,
      onclick: () => this.toggle(name, spec),
    }, element("span", { class: "name" }, `${spec.title}: `), element("span", { class: "value" }, text));
    const list = element("div", { class: "popover", id: `${id}-list`, role: "dialog", "aria-label": spec.title, hidden: true });
    return element("div", { class: "filter choice", title: spec.description || null }, button, list);
  }

  toggle(name, spec) {
    const button = byId(`filter-${name}`);
    const list = byId(`filter-${name}-list`);
    const opens = list.hidden;
    this.close();
    if (!opens) return;
    const chosen = new Set(this.chosen[name] ?? []);
    const all = [...new Set([...chosen, ...(this.options[name] ?? [])])];
    const search = element("input", { type: "search", placeholder: "Search", "aria-label": `Search ${spec.title}` });
    const items = element("div", { class: "items" });
    const fill = () => {
      const sought = search.value.trim().toLowerCase();
      const found = all.filter((value) => value.toLowerCase().includes(sought));
      items.replaceChildren(...found.slice(0, MOST_SHOWN).map((value) => this.item(name, value, chosen)));
      if (found.length > MOST_SHOWN) items.append(element("p", { class: "more" }, `${found.length - MOST_SHOWN} more: search for them`));
      if (found.length === 0) items.append(element("p", { class: "more" }, "Nothing found"));
    };
    search.addEventListener("input", fill);
    fill();
    list.replaceChildren(...(all.length > 8 ? [search] : []), items);
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    const overflow = list.getBoundingClientRect().right - document.documentElement.clientWidth + 8;
    list.style.transform = overflow > 0 ? `translateX(${-overflow}px)` : "";
    (list.querySelector("input") ?? list).focus();
  }

  item(name, value, chosen) {
    const box = element("input", { type: "checkbox" });
    box.checked = chosen.has(value);
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(value);
      else chosen.delete(value);
      this.chosen = { ...this.chosen, [name]: [...chosen] };
      this.change(name, [...chosen]);
    });
    return element("label", {}, box, element("span", {}, value === "" ? "(empty)" : visible(value)));
  }

  // While a list of values is open, the bar is not drawn anew: the button's text alone follows.
  isOpen() {
    return this.form.querySelector("[aria-expanded=true]") !== null;
  }

  close() {
    for (const button of this.form.querySelectorAll("[aria-expanded=true]")) {
      button.setAttribute("aria-expanded", "false");
      byId(button.getAttribute("aria-controls")).hidden = true;
    }
  }

  closeUnless(target) {
    if (!this.isOpen() || target.closest?.(".filter.choice")) return;
    this.close();
    this.draw(this.names, this.chosen);
  }

  onKey(event) {
    if (event.key !== "Escape" || !this.isOpen()) return;
    const button = this.form.querySelector("[aria-expanded=true]");
    this.close();
    this.draw(this.names, this.chosen);
    byId(button.id)?.focus();
  }
}

function periodTitle(key) {
  if (key === "all") return "all time";
  if (key === "today") return "today";
  const number = Number(key.slice(0, -1));
  if (key === "365d") return "last year";
  return `last ${number} ${PERIODS[key.slice(-1)]}`;
}
