import { describe, expect, it } from "vitest";
import type { Source } from "../kernel.ts";
import { csv } from "../microscope/save-users.ts";
import { sharing } from "../microscope/sharing.ts";
import { firstPlayable, streamRows } from "../microscope/stream-rows.ts";
import type { Stream, StreamSession } from "../protocol.ts";

function session(name: string | null, first: number, rows: number, more = {}): StreamSession {
  return {
    session: name,
    start_ms: first * 1000,
    length_ms: (rows - 1) * 1000,
    replay: null,
    match: null,
    at_t: null,
    first_row: first,
    rows,
    ...more,
  };
}

function stream(place: number[], sessions: StreamSession[], charted: number[] = []): Stream {
  return {
    user: "ana",
    before: 0,
    within: place.length,
    after: 0,
    sessions,
    rows: {
      id: place.map(String),
      time_ms: place.map((_, i) => i * 1000),
      name: place.map(() => "Buy"),
      props: place.map(() => ({})),
      charted: place.map((_, i) => charted[i] ?? 0),
      place,
      out_of_session: place.map(() => 0),
    },
  };
}

function kinds(of: Stream): string {
  return streamRows(of)
    .map((row) => (row.kind === "session" ? `[${row.session.session}]` : row.kind[0]))
    .join("");
}

describe("rows of a stream", () => {
  it("heads each session above the rows it covers", () => {
    expect(kinds(stream([1, 1, 1], [session("a", 0, 2), session("b", 2, 1)]))).toBe("[a]ee[b]e");
  });

  it("says where the window begins and ends, above the head of the session", () => {
    const sessions = [session("a", 0, 1), session("b", 1, 1), session("c", 2, 1)];
    expect(kinds(stream([0, 1, 2], sessions))).toBe("[a]er[b]er[c]e");
  });

  it("says nothing where nothing lies before", () => {
    expect(kinds(stream([1, 1], [session("a", 0, 2)]))).toBe("[a]ee");
  });

  it("heads a session once that a row out of session interrupts, and covers it whole", () => {
    const parts = [session("a", 0, 1), session(null, 1, 1), session("a", 2, 2)];
    const rows = streamRows(stream([1, 1, 1, 1], parts));
    expect(rows.filter((row) => row.kind === "session")).toMatchObject([{ end_ms: 3000 }]);
  });
});

describe("a stream of which a page is here", () => {
  const long = { ...stream([0], [session("a", 0, 9)]), before: 2, within: 4, after: 3 };

  it("places the rows to come by their counts", () => {
    const rules = streamRows(long).flatMap((row, i) => (row.kind === "rule" ? [i] : []));
    expect(kinds(long)).toBe("[a]eereeeereee");
    expect(rules).toEqual([3, 8]);
  });

  it("opens what its sessions say is charted", () => {
    const played = { replay: "r", match: "covering" as const };
    const parts = [session("a", 0, 5, { ...played, charted: 0 })];
    const other = session("b", 5, 4, { replay: "s", match: "covering", charted: 2 });
    expect(firstPlayable({ ...long, sessions: [...parts, other] })?.replay).toBe("s");
  });
});

describe("what to open first", () => {
  it("is the session that shows charted rows", () => {
    const parts = [
      session("a", 0, 1, { replay: "r1", match: "covering" }),
      session("b", 1, 1, { replay: "r2", match: "overlapping" }),
    ];
    expect(firstPlayable(stream([1, 1], parts, [0, 1]))?.replay).toBe("r2");
    expect(firstPlayable(stream([1, 1], parts))?.replay).toBe("r1");
  });

  it("is nothing when nothing was recorded", () => {
    expect(firstPlayable(stream([1], [session("a", 0, 1)]))).toBeNull();
  });
});

describe("a source shared by stream and player", () => {
  it("asks once for the session both need, and again after a failure", async () => {
    let asked = 0;
    let failing = false;
    const source = sharing({
      request: async () => {
        asked += 1;
        if (failing) throw new Error("gone");
        return { data: {}, buffers: [] };
      },
    } as unknown as Source);
    await source.request("session", { replay: "r", point: "p" });
    await source.request("session", { point: "p", replay: "r" });
    expect(asked).toBe(1);
    failing = true;
    await expect(source.request("session", { replay: "other" })).rejects.toThrow("gone");
    failing = false;
    await source.request("session", { replay: "other" });
    expect(asked).toBe(3);
  });
});

describe("users as a file", () => {
  it("quotes what a comma, a quote or a break would tear apart", () => {
    const rows = [
      {
        user: 'tenant=9;"ana",x',
        country: null,
        replays: 2,
        first_ms: 0,
        signals: ["rage" as const, "error" as const],
      },
    ];
    expect(csv(rows)).toBe(
      'user,country,replays,first,signals\r\n"tenant=9;""ana"",x",,2,1970-01-01T00:00:00.000Z,rage error\r\n',
    );
  });
});
