/** A session with nothing in it, for tests to put into it what they are about. */

import type { Session } from "../protocol.ts";

export function session(changes: Partial<Session>): Session {
  const none = { id: [], t: [], name: [], props: [], state: [], charted: [] };
  return {
    replay: "r",
    user: "ana",
    country: null,
    agent: null,
    start_ms: 0,
    length_ms: 10_000,
    status: "ok",
    status_detail: null,
    width: 1000,
    height: 700,
    segments: [],
    opened_t: null,
    because: null,
    match: null,
    shift_ms: 0,
    pages: [],
    inactive: [],
    gaps: [],
    marks: [],
    console: [],
    network: [],
    density: [],
    events: none,
    warnings: [],
    ...changes,
  };
}
