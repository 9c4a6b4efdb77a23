/** Where the sessions and rows of a stream stand in its table. Pure. */

import type { Requests } from "../protocol.ts";

export type Place = { kind: "group"; group: number } | { kind: "row"; row: number; group: number };

/** Sessions head the rows they hold; rows out of session stand alone. */
export function layOut(groups: Requests["activity"]["data"]): Place[] {
  const out: Place[] = [];
  groups.session.forEach((session, group) => {
    if (session !== null) out.push({ kind: "group", group });
    const first = groups.first_row[group] ?? 0;
    for (let row = first; row < first + (groups.rows[group] ?? 0); row += 1) {
      out.push({ kind: "row", row, group });
    }
  });
  return out;
}
