// What the page writer in Python needs of the front end: the stylesheet of a shared page, and the
// hashes of the sealed frame's scripts for its policy.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";

const DARK = /\[data-rk-theme="dark"\] \.rk,\s*\.rk\[data-rk-theme="dark"\] \{([^}]*)\}/;

/** Write page.css (tokens, page) and frame.sha256 into `out`. */
export async function buildPageParts(here, out, frameHashes) {
  const read = (name) => readFile(join(here, "styles", name), "utf8");
  const [tokens, page] = await Promise.all([read("tokens.css"), read("page.css")]);
  const dark = DARK.exec(tokens)?.[1];
  if (!dark) throw new Error("tokens.css has no dark block where page-build.mjs looks for it.");
  // A page with scripts switched off follows the system; with a theme named, it follows that.
  const system = `@media (prefers-color-scheme: dark) { :root:not([data-rk-theme="light"]) .rk {${dark}} }`;
  const { code } = await transform([tokens, system, page].join("\n"), {
    loader: "css",
    minify: true,
    charset: "ascii",
    legalComments: "none",
  });
  await writeFile(join(out, "page.css"), code);
  await writeFile(join(out, "frame.sha256"), `${frameHashes.join("\n")}\n`);
}
