// How esbuild makes our part of plotly.js: no style rules in the page's head (ours stand in
// the widget's shadow root, styles/chart.css), no map styles, no text of the reference manual.

import { readFile } from "node:fs/promises";

/** The attribute descriptions: a seventh of the code, read by nobody at run time. */
const DESCRIPTION =
  /\bdescription: (?:'.*'|".*"|\[\n(?:[ \t]*(?:['"].*|\/\/.*)?\n)*[ \t]*\]\.join\((?:' '|'\\n'|"")\)),?$/gm;

const one = (drawn) =>
  `Array.isArray(obj.hovertemplate) ? obj.hovertemplate[${drawn}.pointNumber] : obj.hovertemplate`;

const lean = {
  name: "lean-plotly",
  setup(build) {
    build.onLoad({ filter: /plotly\.js[\\/]build[\\/]plotcss\.js$/ }, () => ({ contents: "" }));
    // It would put itself on `window`.
    build.onLoad({ filter: /polybooljs[\\/]index\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(/window\.PolyBool = PolyBool;/, ";"),
    }));
    // A hover text per node and per band: plotly takes the list for the text of each.
    build.onLoad({ filter: /traces[\\/]sankey[\\/]plot\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8"))
        .replace("hovertemplate: obj.hovertemplate", `hovertemplate: ${one("link")}`)
        .replace("hovertemplate: obj.hovertemplate", `hovertemplate: ${one("d.node")}`),
    }));
    build.onLoad({ filter: /plotly\.js[\\/]src[\\/].*\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(DESCRIPTION, ""),
    }));
  },
};

/** esbuild options for the entry plotly-bundle.ts. */
export const plotlyOptions = {
  plugins: [lean],
  loader: { ".css": "empty" },
  define: {
    global: "globalThis",
    "process.env.NODE_DEBUG": "false",
    "process.env.NODE_ENV": '"production"',
  },
};
