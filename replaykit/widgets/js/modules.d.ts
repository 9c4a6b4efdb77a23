// Files that esbuild inlines as text, and what build.mjs puts into the bundle.

declare module "*.css" {
  const text: string;
  export default text;
}

declare module "*.svg" {
  const text: string;
  export default text;
}

/** What the other views use of the player's bundle, by path (build.mjs makes it). */
declare module "rk:shared" {
  const shared: Record<string, unknown>;
  export default shared;
}

/** Tells the views of one build from those of another. */
declare const RK_VIEWS: string;

/** The program of the sealed frame: it is run there by its text, in-page use is the fallback. */
declare const __rkFrame: () => typeof import("./frame.ts");

/** The text that stands in the sealed frame's document (frame-loader.ts). */
declare const RK_FRAME_LOADER: string;

/** What may run in the sealed frame, as its policy names it: that text and the program's. */
declare const RK_FRAME_SCRIPTS: string;
