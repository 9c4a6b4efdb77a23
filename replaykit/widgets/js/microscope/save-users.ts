/** All users of a point as a CSV file of the browser. */

import type { Source } from "../kernel.ts";
import type { UserRow } from "../protocol.ts";

const PAGE = 500;

/**
 * Hand the users to the browser as a file: with their latest properties, or, where nobody can be
 * asked for these (a shared page), with what the lists show of them.
 */
export async function saveUsers(
  source: Source,
  key: string,
  title: string,
  signal: AbortSignal,
): Promise<void> {
  const file = await source.request("csv", { key }).then(
    ({ buffers }) => buffers[0] ?? null,
    () => null,
  );
  const text = file ?? csv(await everybody(source, key, signal));
  if (signal.aborted) return;
  const part = text as string | Uint8Array<ArrayBuffer>;
  const url = URL.createObjectURL(new Blob([part], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${fileName(title)}.csv`;
  link.click();
  // The download has its own reference by the next turn.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

async function everybody(source: Source, key: string, signal: AbortSignal): Promise<UserRow[]> {
  const rows: UserRow[] = [];
  for (let total = 1; rows.length < total && !signal.aborted; ) {
    const params = { key, with_replays: false, offset: rows.length, limit: PAGE };
    const { data } = await source.request("users", params);
    rows.push(...data.rows);
    total = data.rows.length === 0 ? 0 : data.total;
  }
  return rows;
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
