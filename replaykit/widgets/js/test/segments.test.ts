import { describe, expect, it } from "vitest";
import type { Source } from "../kernel.ts";
import type { Reply } from "../protocol.ts";
import { Segments } from "../segments.ts";
import { session } from "./session.ts";

const KIB = 1024;
let number = 0;

/** A replay of so many segments of a size, and what was asked for of it. */
function watched(count: number, bytes: number, whole = true) {
  const asked: number[][] = [];
  number += 1;
  const segments = Array.from({ length: count }, (_, at) => ({
    start: at * 1000,
    end: at * 1000 + 999,
    bytes,
  }));
  const source = {
    request(_kind: string, params: { index?: number; indexes?: number[] }) {
      const indexes = params.indexes ?? [params.index ?? -1];
      asked.push(indexes);
      const buffers = indexes.map(() => new Uint8Array(bytes));
      return Promise.resolve({ data: {}, buffers } as unknown as Reply<"segments">);
    },
  } as unknown as Source;
  const kept = new Segments(source, session({ replay: `r${number}`, segments }), whole);
  const all = async (near: number) => {
    let turns = 0;
    while (await kept.more(near)) {
      turns += 1;
      if (turns > 10_000) throw new Error("it never ends");
    }
  };
  const here = () => segments.filter((_, at) => kept.has(at)).length;
  return { kept, asked, all, here };
}

describe("the rest of a replay that is watched", () => {
  it("comes from near to far, each part once, until all of it is here", async () => {
    const { kept, asked, all, here } = watched(40, 50 * KIB);
    await kept.get(10);
    await all(10);
    expect(here()).toBe(40);
    const order = asked.flat();
    expect(order.length).toBe(40);
    const far = order.map((index) => Math.abs(index - 10));
    expect(far).toEqual([...far].sort((one, other) => one - other));
  });

  it("travels in small messages, and a large part in one of its own", async () => {
    const small = watched(30, 50 * KIB);
    await small.all(0);
    expect(Math.max(...small.asked.map((one) => one.length * 50))).toBeLessThanOrEqual(256);
    const large = watched(5, 700 * KIB);
    await large.all(0);
    expect(large.asked.every((one) => one.length === 1)).toBe(true);
    expect(large.here()).toBe(5);
  });

  it("stops where the room is taken, and forgets nothing for what may never be seen", async () => {
    const { kept, all, asked, here } = watched(1000, 100 * KIB);
    await kept.get(500);
    await all(500);
    expect(kept.has(500)).toBe(true);
    expect(here() * 100).toBeGreaterThan(5 * KIB);
    expect(here() * 100).toBeLessThanOrEqual(6 * KIB);
    const before = asked.length;
    await all(500);
    expect(asked.length).toBe(before);
  });

  it("makes room for another replay once, whatever else is open", async () => {
    const first = watched(400, 100 * KIB);
    const second = watched(400, 100 * KIB);
    await first.all(0);
    await second.all(0);
    await first.all(0);
    await second.all(0);
    expect(first.asked.flat().length).toBeLessThanOrEqual(400);
    expect(second.asked.flat().length).toBeLessThanOrEqual(400);
  });

  it("stays away where nothing but what is shown is wanted", async () => {
    const { kept, all, asked } = watched(40, 50 * KIB, false);
    await kept.get(3);
    await all(3);
    expect(asked).toEqual([[3]]);
  });
});
