import { describe, expect, it } from "vitest";
import { words } from "../filters.ts";
import type { Source } from "../kernel.ts";
import { layOut } from "../lookup/layout.ts";
import { within } from "../microscope/beyond.ts";
import { rangeWords, zonedDayStart } from "../parts/day-range.ts";

describe("the stream of a person", () => {
  it("heads sessions, and leaves rows out of session alone", () => {
    const groups = {
      total: 7,
      session: [null, "200", "100"],
      device: [null, null, null],
      first_row: [0, 1, 3],
      rows: [1, 2, 4],
      start_ms: [],
      end_ms: [],
      replay: [],
      replay_start_ms: [],
      status: [],
    };
    const kinds = layOut(groups).map((place) =>
      place.kind === "group" ? `[${groups.session[place.group]}]` : String(place.row),
    );
    expect(kinds.join(" ")).toBe("0 [200] 1 2 [100] 3 4 5 6");
  });
});

describe("days", () => {
  it("begin where the project's zone says, also when the clock changes", () => {
    const at = (day: string, zone: string) => new Date(zonedDayStart(day, zone)).toISOString();
    expect(at("2026-03-29", "Europe/Paris")).toBe("2026-03-28T23:00:00.000Z");
    expect(at("2026-03-30", "Europe/Paris")).toBe("2026-03-29T22:00:00.000Z");
    expect(at("2026-10-26", "Europe/Paris")).toBe("2026-10-25T23:00:00.000Z");
    expect(at("2026-07-02", "America/New_York")).toBe("2026-07-02T04:00:00.000Z");
    expect(at("2026-07-02", "UTC")).toBe("2026-07-02T00:00:00.000Z");
    expect(at("2026-07-02", "Asia/Kolkata")).toBe("2026-07-01T18:30:00.000Z");
  });

  it("are written once where they agree", () => {
    expect(rangeWords({ from: "2026-03-01", until: "2026-03-01" })).toBe("1 Mar 2026");
    expect(rangeWords({ from: "2026-02-26", until: "2026-03-04" })).toBe(
      "26 Feb \u2013 4 Mar 2026",
    );
    expect(rangeWords({ from: "2025-12-30", until: "2026-01-02" })).toBe(
      "30 Dec 2025 \u2013 2 Jan 2026",
    );
  });
});

describe("the chips of a search", () => {
  it("say field, operator and value", () => {
    const said = words({ kind: "property", name: "plan", op: "is not", values: ["pro", null, ""] });
    expect(said).toEqual(["plan", "is not", "pro, (none), (empty)"]);
    expect(words({ kind: "event", name: "<b>" })).toEqual(["did", "", "<b>"]);
    expect(words({ kind: "duration", op: "<=", value: "10m" })).toEqual([
      "length",
      "at most",
      "10m",
    ]);
    expect(words({ kind: "signal", name: "rage" })).toEqual(["signal", "is", "rage click"]);
  });
});

describe("a result that a point led to", () => {
  it("is asked under its own name, and so are the results beyond it", async () => {
    const asked: object[] = [];
    const source = {
      request: async (_kind: string, params: object) => {
        asked.push(params);
        return { data: {}, buffers: [] };
      },
    } as unknown as Source;
    await within(source, "one").request("chart", {});
    await within(within(source, "one"), "two").request("point", { key: "k" });
    expect(asked[0]).toEqual({ within: ["one"] });
    expect(asked[1]).toEqual({ key: "k", within: ["one", "two"] });
  });
});
