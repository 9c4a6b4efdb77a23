/** A user's stream as the rows of one table: sessions head the rows they cover. Pure. */

import type { Stream, StreamSession } from "../protocol.ts";

export type StreamRow =
  | { kind: "session"; session: StreamSession; end_ms: number }
  | { kind: "rule"; text: string }
  | { kind: "event"; row: number; session: StreamSession };

const RULES = ["", "the window begins", "the window has ended"];

/**
 * Flatten a stream. Rows out of session stand at their time among the rows of the session they
 * fall into, so a session that they interrupt is headed once.
 */
export function streamRows(stream: Stream): StreamRow[] {
  const out: StreamRow[] = [];
  let heading: (StreamRow & { kind: "session" }) | null = null;
  let place = 0;
  const rule = (row: number) => {
    const now = placeOf(stream, row);
    if (now <= place) return;
    place = now;
    // At the very top there is nothing to be told apart from.
    if (row > 0) out.push({ kind: "rule", text: RULES[now] ?? "" });
  };
  for (const session of stream.sessions) {
    rule(session.first_row);
    const end = session.start_ms + session.length_ms;
    if (heading !== null && heading.session.session === session.session) {
      heading.end_ms = Math.max(heading.end_ms, end);
    } else if (session.session !== null) {
      heading = { kind: "session", session, end_ms: end };
      out.push(heading);
    }
    for (let row = session.first_row; row < session.first_row + session.rows; row += 1) {
      rule(row);
      out.push({ kind: "event", row, session });
    }
  }
  return out;
}

/** Where a row lies: 0 before the window, 1 in it, 2 after; also of rows that are not here yet. */
function placeOf(stream: Stream, row: number): number {
  const edges = [stream.before, stream.before + stream.within];
  return stream.rows.place[row] ?? edges.filter((edge) => row >= edge).length;
}

/**
 * The session to open first: the one that holds the point's moment, else one that shows charted
 * rows, else any that can be played.
 */
export function firstPlayable(stream: Stream): StreamSession | null {
  const playable = stream.sessions.filter((session) => session.replay !== null);
  const charted = (session: StreamSession) =>
    session.charted !== undefined
      ? session.charted > 0
      : stream.rows.charted
          .slice(session.first_row, session.first_row + session.rows)
          .some((one) => one === 1);
  return (
    playable.find((session) => session.opens === true) ??
    playable.find((session) => session.match !== null && charted(session)) ??
    playable.find((session) => session.match !== null) ??
    playable[0] ??
    null
  );
}
