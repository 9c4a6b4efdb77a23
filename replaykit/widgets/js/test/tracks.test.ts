import { describe, expect, it } from "vitest";
import { elapsed } from "../parts/format.ts";
import { PLACE, type Session } from "../protocol.ts";
import { cursorOf, Rows } from "../rows.ts";
import { firstAtOrAfter, lastAtOrBefore, spanAt, Track } from "../tracks.ts";
import { session } from "./session.ts";
import { block } from "./spec.ts";

describe("spec/replay.md 5", () => {
  const first = 1_719_842_400_000;
  const offsets = block("replay.md", "rep.offset");
  const last = 600_000;

  it.each(offsets)("rep.offset: $event at $event_time_ms", (row) => {
    const t = Number(row.event_time_ms) - first;
    const inside = t >= 0 && t <= last;
    expect(t).toBe(Number(row.offset_ms));
    expect(inside ? "yes" : "no").toBe(row.in_replay);
    expect(inside ? elapsed(t) : "").toBe(row.clock);
  });

  const rows = rowsOf(
    offsets.map((row) => {
      const t = Number(row.offset_ms);
      return { t, name: row.event ?? "", state: t < 0 ? 1 : t > last ? 2 : 0 };
    }),
    last,
  );

  it.each(block("replay.md", "rep.cursor"))("rep.cursor: at $player_ms", (row) => {
    const shown = rows.select(new Set(), [], "");
    const { track, at } = cursorOf(rows, shown);
    const found = track.move(Number(row.player_ms));
    const name = found < 0 ? "" : rows.row(shown[at[found] ?? 0] ?? 0).name;
    expect(name).toBe(row["highlighted event"]);
  });
});

describe("Track", () => {
  const times = [0, 10, 10, 10, 30, 31];

  it("highlights the last of a tie", () => {
    expect(new Track(times).move(10)).toBe(3);
    expect(new Track(times).move(29.9)).toBe(3);
    expect(new Track(times).move(-1)).toBe(-1);
  });

  it("arrives at the same place from anywhere", () => {
    const many = Array.from({ length: 500 }, (_, i) => Math.floor(i / 3) * 7);
    const track = new Track(many);
    let seed = 1;
    for (let i = 0; i < 400; i += 1) {
      seed = (seed * 48_271) % 2_147_483_647;
      const t = (seed % 1300) - 50;
      expect(track.move(t)).toBe(lastAtOrBefore(many, t));
    }
  });

  it("finds neighbours strictly beside a position", () => {
    const track = new Track(times);
    expect(track.next(10)).toBe(4);
    expect(track.previous(10)).toBe(0);
    expect(track.next(31)).toBeNull();
    expect(track.previous(0)).toBeNull();
  });

  it("finds the nearest, nearest first", () => {
    expect(new Track([0, 100, 140, 400]).nearest(130, 3)).toEqual([2, 1, 0]);
  });
});

describe("searching", () => {
  it("agrees with counting", () => {
    const times = [1, 1, 2, 5, 5, 9];
    for (let t = 0; t <= 10; t += 0.5) {
      expect(lastAtOrBefore(times, t)).toBe(times.filter((one) => one <= t).length - 1);
      expect(firstAtOrAfter(times, t)).toBe(times.filter((one) => one < t).length);
    }
  });

  it("finds the span that holds a position, its end excluded", () => {
    const spans: [number, number][] = [
      [10, 20],
      [30, 40],
    ];
    expect(spanAt(spans, 10)).toEqual([10, 20]);
    expect(spanAt(spans, 20)).toBeNull();
    expect(spanAt(spans, 35)).toEqual([30, 40]);
    expect(spanAt(spans, 50)).toBeNull();
  });
});

describe("Rows", () => {
  const rows = rowsOf(
    [
      { t: -5, name: "Early", state: PLACE.before },
      { t: 0, name: "Start", state: 0, props: { plan: "free" } },
      { t: 500, name: "Server", state: PLACE.server },
      { t: 500, name: "Buy", state: 0, props: { plan: "pro", price: 48 } },
      { t: 2000, name: "Late", state: PLACE.after },
    ],
    1000,
    {
      pages: [{ t: 0, url: "https://shop.example/cart?x=1", title: "Basket" }],
      marks: [{ t: 500, kind: "rage", label: "Rage click “Apply”", count: 5 }],
    },
  );
  const names = (shown: Uint32Array) => [...shown].map((row) => rows.row(row).name);

  it("merges kinds in the order of time, a page before what happened on it", () => {
    const shown = rows.select(new Set(), [], "");
    const expected = ["Early", "/cart?x=1", "Start", "Server", "Buy", "Rage click “Apply”", "Late"];
    expect(names(shown)).toEqual(expected);
  });

  it("never highlights a row outside of the recording or of the session", () => {
    const shown = rows.select(new Set(), [], "");
    const { track, at } = cursorOf(rows, shown);
    const seen = [-1, 0, 500, 5000].map((t) => {
      const found = track.move(t);
      return found < 0 ? "" : rows.row(shown[at[found] ?? 0] ?? 0).name;
    });
    expect(seen).toEqual(["", "Start", "Rage click “Apply”", "Rage click “Apply”"]);
  });

  it("searches names and properties, all words", () => {
    expect(names(rows.select(new Set(), [], "pro 48"))).toEqual(["Buy"]);
    expect(names(rows.select(new Set(), [], "BASKET"))).toEqual(["/cart?x=1"]);
  });

  it("filters by kind and by property", () => {
    expect(names(rows.select(new Set(["event"]), [], ""))).toEqual([
      "/cart?x=1",
      "Rage click “Apply”",
    ]);
    const free = { field: "plan", values: new Set(["free"]) };
    expect(names(rows.select(new Set(), [free], ""))).toEqual(["Start"]);
    const named = { field: "event", values: new Set(["Buy", "Late"]) };
    expect(names(rows.select(new Set(), [named], ""))).toEqual(["Buy", "Late"]);
  });

  it("counts values of every field", () => {
    const fields = rows.fields();
    expect(fields.get("plan")).toEqual(
      new Map([
        ["free", 1],
        ["pro", 1],
      ]),
    );
    expect(fields.get("event")?.get("Buy")).toBe(1);
  });
});

interface Made {
  t: number;
  name: string;
  state: number;
  props?: Record<string, string | number>;
}

function rowsOf(made: Made[], length: number, more: Partial<Session> = {}): Rows {
  return new Rows(
    session({
      length_ms: length,
      events: {
        id: made.map((_, i) => String(i)),
        t: made.map((one) => one.t),
        name: made.map((one) => one.name),
        props: made.map((one) => one.props ?? {}),
        state: made.map((one) => one.state),
        charted: made.map(() => 0),
      },
      ...more,
    }),
  );
}
