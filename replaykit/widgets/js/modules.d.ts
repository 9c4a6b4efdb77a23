// Files that esbuild inlines as text, and what build.mjs puts into the bundle.

declare module "*.css" {
  const text: string;
  export default text;
}

declare module "*.svg" {
  const text: string;
  export default text;
}

/** The program of the sealed frame: `__rkFrame().boot()` runs it there, in-page use is the fallback. */
declare const __rkFrame: () => typeof import("./frame.ts");

/** SHA-256 (base64) of that program's script text, for the frame's policy. */
declare const RK_FRAME_HASH: string;
