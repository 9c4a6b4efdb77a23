import { describe, expect, it } from "vitest";
import { Lru } from "../lru.ts";
import { Heights } from "../panels/heights.ts";
import { axisTicks, clusters } from "../panels/lanes.ts";
import { address, bytes, duration, elapsed, plural, spoken, wall } from "../parts/format.ts";
import { capsuleKey } from "../protocol.ts";

describe("format", () => {
  it("writes elapsed time", () => {
    const shown = [0, 999, 61_250, 3_729_000, -2500].map(elapsed);
    expect(shown).toEqual(["0:00", "0:00", "1:01", "1:02:09", "−0:02"]);
  });

  it("speaks it", () => {
    expect(spoken(252_000)).toBe("4 minutes 12 seconds");
    expect(spoken(3_601_000)).toBe("1 hour 1 second");
    expect(spoken(0)).toBe("0 seconds");
  });

  it("writes wall time in a zone, with the zone", () => {
    const ms = Date.UTC(2026, 2, 3, 13, 8, 12);
    expect(wall(ms, "Europe/Paris")).toBe("Tue 3 Mar 2026, 14:08:12 CET");
    expect(wall(ms, "Not/AZone")).toContain("UTC");
  });

  it("splits an address", () => {
    expect(address("https://shop.example/p?q=1")).toEqual({ host: "shop.example", path: "/p?q=1" });
    expect(address("https://shop.example")).toEqual({ host: "shop.example", path: "/" });
    expect(address("/cart")).toEqual({ host: "", path: "/cart" });
  });

  it("writes sizes, durations and counts", () => {
    expect([bytes(512), bytes(96_000), bytes(1_400_000)]).toEqual(["512 B", "96 KB", "1.4 MB"]);
    expect([duration(95), duration(1840), duration(null)]).toEqual(["95 ms", "1.84 s", ""]);
    expect([plural(1, "replay"), plural(1204, "user")]).toEqual(["1 replay", "1,204 users"]);
  });
});

describe("Heights", () => {
  it("places rows of which a few differ", () => {
    const heights = new Heights(
      10,
      24,
      new Map([
        [0, 20],
        [4, 100],
      ]),
    );
    expect([0, 1, 4, 5, 10].map((i) => heights.top(i))).toEqual([0, 20, 92, 192, 312]);
    expect([heights.height(0), heights.height(4), heights.height(9)]).toEqual([20, 100, 24]);
    expect([0, 19.9, 20, 150, 191.9, 192, 9999].map((y) => heights.at(y))).toEqual([
      0, 0, 1, 4, 4, 5, 9,
    ]);
  });

  it("holds a million rows", () => {
    const heights = new Heights(1_000_000, 24);
    expect(heights.total).toBe(24_000_000);
    expect(heights.at(12_000_012)).toBe(500_000);
  });
});

describe("lanes", () => {
  it("stands near marks side by side around their mean", () => {
    const [first, second] = clusters([
      { row: 1, kind: "error", x: 100 },
      { row: 2, kind: "rage", x: 104 },
      { row: 3, kind: "dead", x: 300 },
    ]);
    expect(first?.drawn.map(({ x }) => x)).toEqual([96, 108]);
    expect(second?.drawn.map(({ x }) => x)).toEqual([300]);
  });

  it("shows the gravest of a crowd, with its count", () => {
    const crowd = [0, 1, 2, 3, 4].map((i) => ({
      row: i,
      kind: i === 3 ? ("error" as const) : ("dead" as const),
      x: 100 + i,
    }));
    expect(clusters(crowd)[0]?.drawn).toEqual([{ row: 3, kind: "error", x: 102, count: 5 }]);
  });

  it("labels round steps and the end", () => {
    expect(axisTicks(768_000, 940)).toEqual([
      0, 120_000, 240_000, 360_000, 480_000, 600_000, 768_000,
    ]);
    expect(axisTicks(0, 100)).toEqual([0]);
    for (const [length, width] of [
      [80_000, 330],
      [7_200_000, 900],
      [43_200_000, 1400],
    ] as const) {
      const ticks = axisTicks(length, width);
      const gaps = ticks.slice(1).map((t, i) => ((t - (ticks[i] ?? 0)) / length) * width);
      expect(Math.min(...gaps)).toBeGreaterThan(50);
    }
  });
});

describe("Lru", () => {
  it("forgets what was used longest ago once it weighs too much", () => {
    const lru = new Lru<string, number>(10);
    lru.set("a", 1, 4);
    lru.set("b", 2, 4);
    lru.get("a");
    lru.set("c", 3, 4);
    expect([lru.get("a"), lru.get("b"), lru.get("c"), lru.weight]).toEqual([1, undefined, 3, 8]);
  });

  it("keeps a newest entry that is too heavy alone", () => {
    const lru = new Lru<string, number>(10);
    lru.set("a", 1, 4);
    lru.set("b", 2, 40);
    expect([lru.has("a"), lru.has("b"), lru.size]).toEqual([false, true, 1]);
  });
});

describe("capsuleKey", () => {
  it("is the same for every order of parameters, and leaves out what is not there", () => {
    const key = 'session {"point":"p","replay":"r"}';
    expect(capsuleKey("session", { replay: "r", point: "p" })).toBe(key);
    expect(capsuleKey("session", { point: undefined, replay: "r" })).toBe('session {"replay":"r"}');
  });
});
