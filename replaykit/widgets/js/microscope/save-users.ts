/** All users of a point as a CSV file of the browser. */

import type { Source } from "../kernel.ts";
import type { UserRow } from "../protocol.ts";

const PAGE = 500;

/** Collect every page, then hand the file to the browser. */
export async function saveUsers(
  source: Source,
  key: string,
  title: string,
  signal: AbortSignal,
): Promise<void> {
  const rows: UserRow[] = [];
  for (let total = 1; rows.length < total; ) {
    const params = { key, with_replays: false, offset: rows.length, limit: PAGE };
    const { data } = await source.request("users", params);
    if (signal.aborted) return;
    rows.push(...data.rows);
    total = data.rows.length === 0 ? 0 : data.total;
  }
  const url = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${fileName(title)}.csv`;
  link.click();
  // The download has its own reference by the next turn.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** The users as CSV, one line each, ids as they are. */
export function csv(rows: readonly UserRow[]): string {
  const lines = rows.map((row) =>
    [
      row.user,
      row.country ?? "",
      String(row.replays),
      new Date(row.first_ms).toISOString(),
      row.signals.join(" "),
    ]
      .map(field)
      .join(","),
  );
  return ["user,country,replays,first,signals", ...lines, ""].join("\r\n");
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function fileName(title: string): string {
  const plain = title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return plain.slice(0, 60) || "users";
}
