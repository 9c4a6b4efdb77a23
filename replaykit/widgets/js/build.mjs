// Builds the front end into ../static. One entry, one ESM file, everything inlined.
//
// The replay engine runs inside a sealed frame (frame.ts), whose policy allows exactly one
// script, by hash. So it is built first, put at the top of the bundle as one function, and the
// widget reads its text back with toString(): no second copy, and the hash is known here.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { buildPageParts } from "./page-build.mjs";
import { plotlyOptions } from "./plotly-build.mjs";
import { buildWidget } from "./views-build.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static");

/** What is built beside the widget: entry, name of the output, and whether it holds the player. */
const ENTRIES = [
  { entry: "page.ts", file: "page.js", player: true },
  { entry: "plotly-bundle.ts", file: "plotly.js", player: false },
];

/** Stylesheets are inlined as text, and as short as they can be. */
const smallStyles = {
  name: "small-styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), {
        loader: "css",
        minify: true,
        target: "chrome111",
      });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

/**
 * The engine never uses rrweb's virtual document (engine/shown.ts), and a sixth of the Replayer is that.
 * Said as constants, the minifier finds out by itself what nobody calls.
 */
const noVirtualDom = {
  name: "no-virtual-dom",
  setup({ onLoad }) {
    onLoad({ filter: /@rrweb.replay.dist.replay\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      let found = 0;
      const counted = (text) => () => {
        found += 1;
        return text;
      };
      const contents = source
        .replace(/this\.usingVirtualDom = (?:true|false);/g, counted(""))
        .replace(/__publicField\(this, "(?:usingVirtualDom|virtualDom)",[^;]*;/g, counted(""))
        .replace(
          /this\.config\.useVirtualDom && !this\.usingVirtualDom && isSync/g,
          counted("false"),
        )
        .replace(/this\.usingVirtualDom/g, counted("false"))
        .replace(/\b\w+ instanceof BaseRRNode\b/g, counted("false"));
      if (found !== 27) throw new Error(`rrweb changed: ${found} mentions of its virtual document`);
      return { contents, loader: "js" };
    });
  },
};

const shared = {
  bundle: true,
  // Readable in a profiler; comments must go all the same, for the frame's text is ASCII.
  minifyIdentifiers: !argv.includes("--readable"),
  minifySyntax: true,
  minifyWhitespace: true,
  target: "es2022",
  charset: "ascii",
  legalComments: "none",
  logLevel: "warning",
  absWorkingDir: here,
  loader: { ".svg": "text" },
  plugins: [smallStyles, noVirtualDom],
  define: { "process.env.NODE_ENV": '"production"' },
};

async function frameProgram() {
  const { outputFiles } = await build({
    ...shared,
    entryPoints: ["frame.ts"],
    format: "iife",
    globalName: "rkFrame",
    write: false,
  });
  const code = outputFiles[0].text.trim();
  const program = `function __rkFrame(){${code}\nreturn rkFrame}`;
  // Inside a script element these would end it, or change how its text is read.
  if (/<\/script|<!--/i.test(program))
    throw new Error("the frame's program breaks a script element");
  // Must be the very text that screen.ts writes between <script> and </script>.
  const hash = createHash("sha256").update(`(${program})().boot()`).digest("base64");
  return { program, hash };
}

async function main() {
  await mkdir(out, { recursive: true });
  const { program, hash } = await frameProgram();
  const player = {
    ...shared,
    banner: { js: program },
    define: { ...shared.define, RK_FRAME_HASH: JSON.stringify(hash) },
  };
  await buildWidget(here, out, player);
  for (const { entry, file, player: plays } of ENTRIES) {
    if (!existsSync(join(here, entry))) continue;
    const options = plays ? player : { ...shared, ...plotlyOptions };
    await build({ ...options, entryPoints: [entry], format: "esm", outfile: join(out, file) });
  }
  await buildPageParts(here, out, hash);
}

main().catch((error) => {
  console.error(error.message ?? error);
  exit(1);
});
