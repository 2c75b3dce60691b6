// Values as people read them, in the reader's own locale and time zone.
import { visible } from "./dom.js";

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const minute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const WRAPPERS = /^(?:Nullable|LowCardinality)\((.*)\)$/;

export function plainType(type) {
  const inner = WRAPPERS.exec(type);
  return inner ? plainType(inner[1]) : type;
}

export function isDay(type) {
  return /^Date(?:32)?$/.test(plainType(type));
}

export function isTime(type) {
  return /^DateTime/.test(plainType(type));
}

export function isNumber(type) {
  return /^(?:U?Int\d+|Float\d+|Decimal.*)$/.test(plainType(type));
}

export function number(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "percent") return percent.format(value);
  if (unit === "seconds") return duration(value);
  if (unit === "bytes") return bytes(value);
  return Number.isInteger(value) ? whole.format(value) : fine.format(value);
}

// With its unit, where the number alone does not say it.
export function measured(value, unit) {
  const text = number(value, unit);
  const says = unit === undefined || unit === null || ["percent", "seconds", "bytes"].includes(unit);
  return says || value === null || value === undefined ? text : `${text} ${unit}`;
}

// For an axis: short.
export function short(value, unit) {
  if (unit === "percent") return percent.format(value);
  if (unit === "seconds") return duration(value);
  if (unit === "bytes") return bytes(value);
  return compact.format(value);
}

const DURATIONS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  for (const [size, name] of DURATIONS) {
    if (Math.abs(seconds) >= size) return `${compactly(seconds / size)} ${name}`;
  }
  return seconds === 0 ? "0 s" : `${whole.format(seconds * 1000)} ms`;
}

function compactly(value) {
  return Math.abs(value) >= 10 ? whole.format(value) : new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 }).format(value);
}

const SIZES = ["B", "KB", "MB", "GB", "TB"];

export function bytes(value) {
  let place = 0;
  while (Math.abs(value) >= 1000 && place < SIZES.length - 1) {
    value /= 1000;
    place += 1;
  }
  return `${place === 0 ? whole.format(value) : compactly(value)} ${SIZES[place]}`;
}

export function cell(value, type, unit) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value, unit);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (isDay(type)) return asDay(value);
  if (isTime(type)) return asMoment(value);
  return visible(value);
}

export function asDay(value) {
  const date = new Date(`${value}T00:00:00Z`);
  return Number.isNaN(date.getTime()) ? visible(value) : day.format(date);
}

export function asMoment(value) {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? visible(value) : moment.format(date);
}

export function asMinute(milliseconds) {
  return minute.format(new Date(milliseconds));
}

export function asClock(milliseconds) {
  return clock.format(new Date(milliseconds));
}

export function ago(milliseconds, now = Date.now()) {
  const seconds = Math.max(0, (now - milliseconds) / 1000);
  if (seconds < 1.5) return "now";
  return `${duration(Math.round(seconds))} ago`;
}
