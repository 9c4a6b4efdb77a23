// The widget in two files: widget.js with the player, and views.js with everything else, which is
// sent when a widget first needs it. What both use stands in widget.js alone: there it is listed by
// path (`rk:shared`), and views.js is a function that takes that list.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { build } from "esbuild";

const OWN = /^\.{1,2}\/.*\.(ts|css|svg)$/;

/** Build widget.js and views.js into `out` with the options of the player's bundle. */
export async function buildWidget(here, out, options) {
  const inside = (path) => resolve(here, path);
  const player = new Set(await inputsOf({ ...options, plugins: [...options.plugins, noShared] }));
  const used = new Set();
  const external = {
    name: "shared-with-the-player",
    setup({ onResolve }) {
      onResolve({ filter: OWN }, ({ path, resolveDir }) => {
        const file = relative(here, join(resolveDir, path));
        if (!player.has(file)) return null;
        used.add(file);
        return { path: `rk:${file}`, external: true };
      });
    },
  };
  const views = await build({
    ...options,
    define: { ...options.define, RK_VIEWS: '""' },
    banner: { js: "export default (require) => {const module={exports:{}};" },
    footer: { js: "return module.exports}" },
    plugins: [external, ...options.plugins],
    entryPoints: ["views.ts"],
    format: "cjs",
    outfile: join(out, "views.js"),
  });
  if (views.errors.length > 0) throw new Error("the views were not built");
  const hash = createHash("sha256").update(await readFile(join(out, "views.js")));
  await build({
    ...options,
    define: { ...options.define, RK_VIEWS: JSON.stringify(hash.digest("hex").slice(0, 12)) },
    plugins: [sharing([...used].sort(), inside), ...options.plugins],
    entryPoints: ["index.ts"],
    format: "esm",
    outfile: join(out, "widget.js"),
  });
}

/** The files that the player's bundle is made of. */
async function inputsOf(options) {
  const { metafile } = await build({
    ...options,
    define: { ...options.define, RK_VIEWS: '""' },
    entryPoints: ["index.ts"],
    format: "esm",
    metafile: true,
    write: false,
  });
  return Object.keys(metafile.inputs).filter((path) => !path.includes(":"));
}

/** The list of what is shared, as a module. */
function sharing(files, inside) {
  const lines = files.map((file, i) => `import * as m${i} from ${JSON.stringify(inside(file))};`);
  const pairs = files.map((file, i) => `${JSON.stringify(`rk:${file}`)}: m${i}`);
  const contents = `${lines.join("\n")}\nexport default {${pairs.join(", ")}};`;
  return module_("shared-list", contents, inside("."));
}

const noShared = module_("no-shared-list", "export default {};", ".");

function module_(name, contents, resolveDir) {
  return {
    name,
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^rk:shared$/ }, () => ({ path: "shared", namespace: "rk" }));
      onLoad({ filter: /.*/, namespace: "rk" }, () => ({ contents, resolveDir }));
    },
  };
}
