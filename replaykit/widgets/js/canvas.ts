/**
 * Let only drawing through in recorded canvas commands. rrweb makes an argument
 * `{rr_type: X, args}` by `new window[X](...args)`, so a recording could name any constructor.
 * The same rule as at ingest (sanitise_canvas.py), for what never passed there.
 */

const PROPERTY = /^[a-z][a-z0-9]{0,60}$/i;
const NOT_DRAWN = /^(?:constructor|prototype|canvas|valueOf|toString|hasOwnProperty)$/;
const TYPES =
  /^(?:(?:Float|Int|Uint)\d\d?(?:Clamped)?Array|ArrayBuffer|Blob|DataView|Image(?:Bitmap|Data)?|HTML(?:Image|Canvas)Element|Path2D|Canvas(?:Gradient|Pattern)|WebGL[A-Za-z]+)$/;

interface Command {
  property?: unknown;
  args?: unknown;
}

/** Keep the commands that draw. */
export function keepDrawing(data: Command & { commands?: unknown }): void {
  if (Array.isArray(data.commands)) data.commands = data.commands.filter(draws);
  else if (!draws(data)) {
    // The old form is one command per event: an empty list draws nothing.
    delete data.property;
    data.commands = [];
  }
}

function draws(command: Command | null): boolean {
  const name = command?.property;
  const named = typeof name === "string" && PROPERTY.test(name) && !NOT_DRAWN.test(name);
  return named && isPlain(command?.args, 0);
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth > 20) return false;
  const { rr_type: type, src } = value as { rr_type?: unknown; src?: unknown };
  if (type !== undefined && !(typeof type === "string" && TYPES.test(type))) return false;
  if (src !== undefined && !/^data:image\//i.test(String(src))) return false;
  return Object.values(value).every((part) => isPlain(part, depth + 1));
}
