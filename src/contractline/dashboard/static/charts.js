// An answer as options of ECharts. Texts are drawn on a canvas or as rich text, never as markup.
import { visible } from "./dom.js";
import * as format from "./format.js";

// Told apart by people who see colours differently, and at least 3:1 against the cards.
const LIGHT = ["#1f6fc4", "#c2570c", "#0a8a6a", "#a8408f", "#8a6d00", "#4b55c4", "#b3261e", "#5b6470"];
const DARK = ["#6fb1ff", "#ff9f5a", "#45d0a5", "#f08fd6", "#e3c75a", "#a3a9ff", "#ff8a80", "#aeb8c6"];
const LOW = { light: ["#edf3fb", "#a9cbf0", "#5a9be0", "#1f6fc4", "#0d3f7a"], dark: ["#1a2533", "#1f4a7d", "#2f74bf", "#6fb1ff", "#cfe5ff"] };

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    text: of("--text"), muted: of("--muted"), line: of("--line"), card: of("--card"),
    good: of("--good"), warning: of("--warning"), bad: of("--bad"),
    series: isDark() ? DARK : LIGHT, low: LOW[isDark() ? "dark" : "light"],
  };
}

// In single quotes: in a picture the names stand inside an attribute.
export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif";

export function options(spec, answer, size) {
  const look = colours();
  const shared = {
    textStyle: { fontFamily: FONT, color: look.text },
    color: look.series,
    backgroundColor: "transparent",
    animationDuration: 250,
    animationDurationUpdate: 300,
    aria: { enabled: false },
    useUTC: spec.x ? format.isDay(typeOf(answer, spec.x)) : false,
  };
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) shared.animation = false;
  if (spec.chart === "heatmap") return { ...shared, ...heatmap(spec, answer, look, size) };
  if (spec.chart === "bar") return { ...shared, ...bars(spec, answer, look, size) };
  return { ...shared, ...overX(spec, answer, look, size) };
}

function place(answer, shown) {
  return answer.columns.findIndex((column) => column.name === shown.column);
}

function typeOf(answer, shown) {
  return answer.columns[place(answer, shown)]?.type ?? "String";
}

export function label(shown) {
  return shown.title ?? shown.column.replaceAll("_", " ");
}

function tooltip(look, more) {
  return {
    renderMode: "richText", confine: true, backgroundColor: look.card, borderColor: look.line,
    borderWidth: 1, padding: [8, 10], textStyle: { color: look.text, fontSize: 12, fontFamily: FONT }, ...more,
  };
}

function legend(look, isShown) {
  return {
    show: isShown, type: "scroll", top: 0, left: 0, itemWidth: 12, itemHeight: 8, icon: "roundRect",
    textStyle: { color: look.muted, fontSize: 12 }, pageTextStyle: { color: look.muted },
    pageIconColor: look.muted, pageIconInactiveColor: look.line, pageIconSize: 10,
  };
}

const STEPS = [0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 2592000, 31536000];

// Durations are divided where clocks and calendars are.
function steps(most) {
  const step = STEPS.find((one) => one >= most / 5);
  return step ? { interval: step } : {};
}

function valueAxis(look, unit, more = {}, most = 0) {
  return {
    type: "value", axisLabel: { fontFamily: FONT, color: look.muted, fontSize: 11, formatter: (value) => format.short(value, unit) },
    splitLine: { lineStyle: { color: look.line } }, axisLine: { show: false }, axisTick: { show: false },
    minInterval: ["percent", "seconds", "bytes"].includes(unit) ? 0 : 1, ...more, ...(unit === "seconds" ? steps(most) : {}),
  };
}

// Each measure, or each value of the series, as names with their points.
function split(spec, answer) {
  const x = place(answer, spec.x);
  if (!spec.series) {
    return spec.y.map((shown) => ({
      name: label(shown), unit: shown.unit, column: shown.column,
      points: answer.rows.map((row) => [row[x], row[place(answer, shown)]]),
    }));
  }
  const [by, measure] = [place(answer, spec.series), place(answer, spec.y[0])];
  const found = new Map();
  for (const row of answer.rows) {
    const name = visible(format.cell(row[by], answer.columns[by].type));
    if (!found.has(name)) found.set(name, []);
    found.get(name).push([row[x], row[measure]]);
  }
  return [...found].map(([name, points]) => ({ name, unit: spec.y[0].unit, points }));
}

function largest(parts) {
  return parts.reduce((most, part) => part.points.reduce((one, [, y]) => Math.max(one, y ?? 0), most), 0);
}

function overX(spec, answer, look, size) {
  const kind = typeOf(answer, spec.x);
  const isOverTime = format.isTime(kind) || format.isDay(kind);
  const parts = split(spec, answer);
  const hasLegend = parts.length > 1;
  const isBars = spec.chart === "column";
  const unit = spec.y[0].unit;
  const isStacked = hasLegend && (isBars || spec.chart === "area");
  if (isStacked) fill(parts);
  const names = isOverTime ? null : [...new Set(answer.rows.map((row) => xLabel(row[place(answer, spec.x)], kind)))];
  return {
    grid: { left: 4, right: 12, top: hasLegend ? 30 : 10, bottom: 4, containLabel: true },
    legend: legend(look, hasLegend),
    tooltip: tooltip(look, {
      trigger: "axis", axisPointer: { type: isBars ? "shadow" : "line", lineStyle: { color: look.muted }, label: { show: false } },
      formatter: (points) => {
        const head = isOverTime ? atX(points[0].value[0], kind) : points[0].name;
        const lines = points
          .filter((point) => point.value[1] !== null && (points.length < 6 || point.value[1] !== 0))
          .map((point) => `${point.marker ?? ""}${point.seriesName}: ${format.measured(point.value[1], parts[point.seriesIndex]?.unit)}`);
        return [head, ...lines].join("\n");
      },
    }),
    xAxis: {
      type: isOverTime ? "time" : "category", data: names ?? undefined,
      axisLabel: { fontFamily: FONT, color: look.muted, fontSize: 11, hideOverlap: true },
      axisLine: { lineStyle: { color: look.line } }, axisTick: { show: false },
      splitLine: { show: false }, minInterval: format.isDay(kind) ? 86400000 : undefined,
      splitNumber: Math.max(2, Math.floor(size.width / 110)),
    },
    yAxis: valueAxis(look, unit, { splitNumber: size.height < 130 ? 2 : size.height < 200 ? 3 : 5 }, largest(parts)),
    series: parts.map((part, number) => ({
      name: part.name, id: part.name, type: isBars ? "bar" : "line",
      stack: isStacked ? "all" : undefined,
      barMaxWidth: 26, barMinWidth: 1, barCategoryGap: "18%",
      itemStyle: isBars ? { borderRadius: hasLegend ? 0 : [3, 3, 0, 0] } : undefined,
      showSymbol: part.points.length < 2, symbolSize: 6, lineStyle: { width: 2, type: isStacked ? "solid" : DASHES[number % DASHES.length] },
      areaStyle: spec.chart === "area" ? { opacity: hasLegend ? 0.55 : 0.18 } : undefined,
      emphasis: { focus: hasLegend ? "series" : "none" },
      data: part.points.map(([x, y]) => [isOverTime ? instant(x) : xLabel(x, kind), y]),
      markLine: number === 0 ? limits(spec, look) : undefined,
    })),
  };
}

// What stands on top of each other needs a point of each at every x.
function fill(parts) {
  const all = [...new Set(parts.flatMap((part) => part.points.map(([x]) => x)))].sort();
  for (const part of parts) {
    const known = new Map(part.points);
    part.points = all.map((x) => [x, known.get(x) ?? 0]);
  }
}

const DASHES = ["solid", "solid", "dashed", "dotted"];

function limits(spec, look) {
  const lines = spec.thresholds.map((threshold) => ({
    yAxis: threshold.above ?? threshold.below, name: threshold.meaning,
    lineStyle: { color: look[threshold.level], type: "dashed", width: 1.5 },
    label: { formatter: threshold.meaning, position: "insideEndTop", color: look.muted, fontSize: 11 },
  }));
  return { silent: true, symbol: "none", data: lines };
}

function instant(value) {
  return typeof value === "string" && value.length === 10 ? Date.parse(`${value}T00:00:00Z`) : Date.parse(value);
}

function atX(value, kind) {
  return format.isDay(kind) ? format.asDay(new Date(value).toISOString().slice(0, 10)) : format.asMinute(value);
}

function xLabel(value, kind) {
  return visible(format.cell(value, kind));
}

// A bar beyond a limit has the limit's colour.
function barOf(value, column, spec, look) {
  const limit = spec.series || value === null ? undefined : beyond(spec, column, value);
  return limit ? { value, itemStyle: { color: look[limit.level] } } : value;
}

function remark(spec, part, value) {
  const limit = part && !spec.series ? beyond(spec, part.column, value) : undefined;
  return limit?.meaning ? ` (${limit.meaning})` : "";
}

export function beyond(spec, column, value) {
  return spec.thresholds.find((limit) => limit.column === column &&
    ((limit.above !== undefined && value > limit.above) || (limit.below !== undefined && value < limit.below)));
}

// Which rows of the answer a place in the chart stands for: by what the pointer hit, or by its x alone.
export function rowsAt(spec, answer, { name, value, seriesName }) {
  const [x, by] = [place(answer, spec.x), spec.series ? place(answer, spec.series) : -1];
  const [kind, kindBy] = [typeOf(answer, spec.x), spec.series ? typeOf(answer, spec.series) : ""];
  if (spec.chart === "heatmap") {
    const { across, down } = axes(spec, answer);
    return answer.rows.filter((row) => xLabel(row[x], kind) === across[value[0]] && xLabel(row[by], kindBy) === down[value[1]]);
  }
  const isOverTime = spec.chart !== "bar" && (format.isTime(kind) || format.isDay(kind));
  const found = answer.rows.filter((row) => (isOverTime ? instant(row[x]) === value[0] : xLabel(row[x], kind) === name));
  return spec.series && seriesName ? found.filter((row) => xLabel(row[by], kindBy) === seriesName) : found;
}

// The x next to a place of the axis, as rowsAt takes it.
export function nearest(spec, answer, at) {
  const [x, kind] = [place(answer, spec.x), typeOf(answer, spec.x)];
  if (spec.chart === "bar" || !(format.isTime(kind) || format.isDay(kind))) {
    return { name: [...new Set(answer.rows.map((row) => xLabel(row[x], kind)))][Math.round(at)] };
  }
  const all = answer.rows.map((row) => instant(row[x]));
  return { value: [all.reduce((best, one) => (Math.abs(one - at) < Math.abs(best - at) ? one : best), all[0])] };
}

const BAR_PIXELS = 24;

// How many rows a bar chart has room for.
export function room(spec, answer, size) {
  if (spec.chart !== "bar") return answer.rows.length;
  return Math.max(3, Math.floor((size.height - 30 - (isSplit(spec) ? 26 : 0)) / BAR_PIXELS));
}

function isSplit(spec) {
  return Boolean(spec.series) || spec.y.length > 1;
}

function bars(spec, answer, look, size) {
  const kind = typeOf(answer, spec.x);
  const at = place(answer, spec.x);
  const hasLegend = isSplit(spec);
  const names = [...new Set(answer.rows.map((row) => xLabel(row[at], kind)))].slice(0, room(spec, answer, size));
  const parts = split(spec, answer);
  const unit = spec.y[0].unit;
  return {
    grid: { left: 10, right: hasLegend ? 12 : 64, top: hasLegend ? 30 : 6, bottom: 4, containLabel: true },
    legend: legend(look, hasLegend),
    tooltip: tooltip(look, {
      trigger: "axis", axisPointer: { type: "shadow" },
      formatter: (points) => [points[0].name, ...points.filter((p) => p.value !== undefined && p.value !== null)
        .map((p) => `${p.marker ?? ""}${p.seriesName}: ${format.measured(p.value, parts[p.seriesIndex]?.unit)}${remark(spec, parts[p.seriesIndex], p.value)}`)].join("\n"),
    }),
    xAxis: valueAxis(look, unit, { splitNumber: Math.max(2, Math.floor(size.width / 130)) }, largest(parts)),
    yAxis: {
      type: "category", inverse: true, data: names,
      axisLabel: { fontFamily: FONT, color: look.text, fontSize: 12, width: Math.min(170, size.width * 0.34), overflow: "truncate" },
      axisLine: { show: false }, axisTick: { show: false },
    },
    series: parts.map((part) => {
      const values = new Map(part.points.map(([x, y]) => [xLabel(x, kind), y]));
      return {
        name: part.name, id: part.name, type: "bar", stack: spec.series ? "all" : undefined, barMaxWidth: 16,
        itemStyle: { borderRadius: hasLegend ? 0 : [0, 3, 3, 0] },
        label: hasLegend ? { show: false } : {
          show: true, position: "right", color: look.muted, fontSize: 11, formatter: (p) => format.number(p.value, unit),
        },
        data: names.map((name) => barOf(values.get(name) ?? null, part.column, spec, look)),
      };
    }),
  };
}

// The labels of a heat map, and the types they come from.
function axes(spec, answer) {
  const [x, y] = [place(answer, spec.x), place(answer, spec.series)];
  const kinds = [answer.columns[x].type, answer.columns[y].type];
  const sorted = format.isNumber(kinds[0]) ? answer.rows.toSorted((a, b) => a[x] - b[x]) : answer.rows;
  const across = [...new Set(sorted.map((row) => xLabel(row[x], kinds[0])))];
  const down = [...new Set(answer.rows.map((row) => xLabel(row[y], kinds[1])))];
  return { kinds, across, down };
}

function heatmap(spec, answer, look, size) {
  const [x, y, measure] = [place(answer, spec.x), place(answer, spec.series), place(answer, spec.y[0])];
  const { kinds, across, down } = axes(spec, answer);
  const most = Math.max(1, ...answer.rows.map((row) => row[measure] ?? 0));
  return {
    grid: { left: 4, right: 8, top: 6, bottom: 34, containLabel: true },
    tooltip: tooltip(look, {
      formatter: (point) => `${down[point.value[1]]}, ${label(spec.x).toLowerCase()} ${across[point.value[0]]}\n${format.measured(point.value[2], spec.y[0].unit)}`,
    }),
    xAxis: {
      type: "category", data: across, axisLabel: { fontFamily: FONT, color: look.muted, fontSize: 11, hideOverlap: true },
      axisLine: { show: false }, axisTick: { show: false }, splitArea: { show: false },
    },
    yAxis: {
      type: "category", inverse: true, data: down, axisLabel: { fontFamily: FONT, color: look.muted, fontSize: 11 },
      axisLine: { show: false }, axisTick: { show: false },
    },
    visualMap: {
      min: 0, max: most, calculable: false, orient: "horizontal", left: "center", bottom: 0,
      itemWidth: 10, itemHeight: Math.min(140, size.width * 0.4), textGap: 8,
      text: [format.number(most, spec.y[0].unit), "0"], textStyle: { color: look.muted, fontSize: 11 },
      inRange: { color: look.low },
    },
    series: [{
      type: "heatmap", id: "heat", data: answer.rows.map((row) => [across.indexOf(xLabel(row[x], kinds[0])), down.indexOf(xLabel(row[y], kinds[1])), row[measure]]),
      itemStyle: { borderColor: look.card, borderWidth: 2, borderRadius: 3 },
      emphasis: { itemStyle: { borderColor: look.text } },
    }],
  };
}

// What the chart says, in a sentence, for those who don't see it.
export function inWords(spec, answer) {
  const rows = answer.rows.slice(0, 5).map((row) => {
    const head = [spec.x, spec.series].filter(Boolean).map((shown) => format.cell(row[place(answer, shown)], typeOf(answer, shown)));
    const values = spec.y.map((shown) => format.measured(row[place(answer, shown)], shown.unit));
    return `${head.join(", ")}: ${values.join(", ")}`;
  });
  const more = answer.rows.length > 5 ? `, and ${answer.rows.length - 5} more` : "";
  return `${spec.chart} chart. ${rows.join("; ")}${more}`;
}
