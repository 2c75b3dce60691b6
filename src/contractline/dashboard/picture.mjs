// Draws an answer as SVG, by the page's own charts: JSON on standard input, the picture on standard output.
import { readFileSync } from "node:fs";
// First, since it takes whatever has a document for a browser.
import * as echarts from "./static/vendor/echarts.js";

const { spec, answer, theme, note, width, height } = JSON.parse(readFileSync(0, "utf8"));

// What charts.js asks a browser for.
const css = readFileSync(new URL("./static/style.css", import.meta.url), "utf8");
const block = (selector) => css.slice(css.indexOf(`${selector} {`)).split("}")[0];
const look = new Map([block(":root"), theme === "dark" ? block(':root[data-theme="dark"]') : ""]
  .flatMap((text) => [...text.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value])));
globalThis.document = { documentElement: { dataset: { theme } } };
globalThis.matchMedia = (query) => ({ matches: query.includes("reduced-motion") });
globalThis.getComputedStyle = () => ({ getPropertyValue: (name) => look.get(name) ?? "" });

const { FONT, label, options } = await import("./static/charts.js");
const { visible } = await import("./static/dom.js");
const format = await import("./static/format.js");

const HEAD = 58;

function numbers() {
  const row = answer.rows[0] ?? [];
  return {
    graphic: spec.y.flatMap((shown, place) => {
      const at = answer.columns.findIndex((column) => column.name === shown.column);
      const left = 18 + (place * (width - 36)) / spec.y.length;
      return [
        { type: "text", left, top: HEAD + 14, style: { text: format.measured(row[at], shown.unit), fontSize: 24, fontWeight: 600, fontFamily: FONT, fill: look.get("--text") } },
        { type: "text", left, top: HEAD + 48, style: { text: label(shown), fontSize: 13, fontFamily: FONT, fill: look.get("--muted") } },
      ];
    }),
  };
}

function drawn() {
  if (spec.chart === "number") return numbers();
  if (answer.rows.length === 0) {
    return { graphic: [{ type: "text", left: "center", top: "middle", style: { text: spec.empty, fontSize: 14, fontFamily: FONT, fill: look.get("--muted") } }] };
  }
  const made = options(spec, answer, { width: width - 24, height: height - HEAD - 10 });
  made.grid = { ...made.grid, left: 16, right: (made.grid.right ?? 8) + 8, top: made.grid.top + HEAD, bottom: (made.grid.bottom ?? 4) + 8 };
  if (made.legend) made.legend = { ...made.legend, top: HEAD, left: 14, type: "plain" };
  return made;
}

const picture = drawn();
// Where there is a document, ECharts measures texts on its canvas.
delete globalThis.document;
const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
chart.setOption({
  ...picture,
  animation: false,
  tooltip: { show: false },
  backgroundColor: look.get("--card"),
  title: {
    text: visible(spec.title), subtext: visible(note), left: 14, top: 10, itemGap: 5,
    textStyle: { fontFamily: FONT, fontSize: 16, fontWeight: 600, color: look.get("--text") },
    subtextStyle: { fontFamily: FONT, fontSize: 12, color: look.get("--muted") },
  },
});
process.stdout.write(chart.renderToSVGString());
chart.dispose();
