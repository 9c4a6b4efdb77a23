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

/** The program of the sealed frame: `__rkFrame().boot()` runs it there, in-page use is the fallback. */
declare const __rkFrame: () => typeof import("./frame.ts");

/** SHA-256 (base64) of that program's script text, for the frame's policy. */
declare const RK_FRAME_HASH: string;
