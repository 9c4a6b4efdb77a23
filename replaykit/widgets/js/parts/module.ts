/** Code that is asked for when it is first needed: deflated, run as a module of its own. */

import type { Source } from "../kernel.ts";

type Kind = "plotly" | "views";

/**
 * Fetch and run a module once per page, whatever the number of widgets; a failed load is asked for
 * again next time. `edition` keeps bundles of different versions apart.
 */
export function loadModule<T>(source: Source, kind: Kind, edition = ""): Promise<T> {
  const key = Symbol.for(`replaykit.${kind}${edition}`);
  const page = globalThis as { [key: symbol]: Promise<T> | undefined };
  const loading = page[key] ?? fetchModule<T>(source, kind);
  page[key] = loading;
  loading.catch(() => {
    if (page[key] === loading) delete page[key];
  });
  return loading;
}

async function fetchModule<T>(source: Source, kind: Kind): Promise<T> {
  const { buffers } = await source.request(kind, {});
  const [packed] = buffers;
  if (!packed) throw new Error(`The module ${kind} did not come along.`);
  const stream = new Blob([packed as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"));
  const code = await new Response(stream).blob();
  const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    // A module of its own: nothing lands on `window`, and a host's own copy is left alone.
    const module = (await import(url)) as { default: T };
    return module.default;
  } finally {
    URL.revokeObjectURL(url);
  }
}
