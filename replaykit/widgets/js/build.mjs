// Builds the front end into ../static. One entry, one ESM file, everything inlined.
//
// The replay engine runs inside a sealed frame (frame.ts), whose policy allows exactly two scripts,
// by hash: the loader that stands in its document, and the program that the loader is handed. The
// program is built first, put at the top of the bundle as one function, and the widget reads its
// text back with toString(): no second copy, and both hashes are known here.

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

async function frameScripts() {
  const text = async (entry, options) => {
    const { outputFiles } = await build({
      ...shared,
      ...options,
      entryPoints: [entry],
      format: "iife",
      write: false,
    });
    return outputFiles[0].text.trim();
  };
  const code = await text("frame.ts", { globalName: "rkFrame" });
  const program = `function __rkFrame(){${code}\nreturn rkFrame}`;
  const loader = await text("frame-loader.ts", {});
  for (const script of [program, loader]) {
    // Inside a script element these would end it, or change how its text is read.
    if (/<\/script|<!--/i.test(script)) throw new Error("a frame's script breaks its element");
  }
  // Must be the very texts that sealed.ts puts into script elements.
  const hashes = [loader, `var rkFrame=(${program})()`].map((script) =>
    createHash("sha256").update(script).digest("base64"),
  );
  return { program, loader, hashes };
}

async function main() {
  await mkdir(out, { recursive: true });
  const { program, loader, hashes } = await frameScripts();
  const scripts = hashes.map((hash) => `'sha256-${hash}'`).join(" ");
  const player = {
    ...shared,
    banner: { js: program },
    define: {
      ...shared.define,
      RK_FRAME_LOADER: JSON.stringify(loader),
      RK_FRAME_SCRIPTS: JSON.stringify(scripts),
    },
  };
  await buildWidget(here, out, player);
  for (const { entry, file, player: plays } of ENTRIES) {
    if (!existsSync(join(here, entry))) continue;
    const options = plays ? player : { ...shared, ...plotlyOptions };
    await build({ ...options, entryPoints: [entry], format: "esm", outfile: join(out, file) });
  }
  await buildPageParts(here, out, hashes);
}

main().catch((error) => {
  console.error(error.message ?? error);
  exit(1);
});
