/** Links to a moment: `analysis.html#replay=ID&t=MS` opens there. */

export interface Moment {
  replay: string;
  /** Milliseconds from the replay's first event; null opens it where its figure does. */
  t: number | null;
}

/** Read a moment from a location's hash; null when it names none. */
export function readMoment(hash: string): Moment | null {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const replay = params.get("replay");
  if (!replay) return null;
  const t = Number(params.get("t") ?? Number.NaN);
  return { replay, t: Number.isFinite(t) ? Math.max(0, Math.round(t)) : null };
}

/** The hash of a moment. */
export function writeMoment({ replay, t }: Moment): string {
  const at = t === null ? "" : `&t=${Math.round(t)}`;
  return `#replay=${encodeURIComponent(replay)}${at}`;
}
