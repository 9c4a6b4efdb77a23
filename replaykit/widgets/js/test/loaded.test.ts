import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { Loaded } from "../engine/loaded.ts";

/** The bytes of a segment that holds one event. */
function bytes(tag: string): ArrayBuffer {
  const event = { type: 5, data: { tag, payload: null }, timestamp: 1 };
  return new Uint8Array(deflateSync(JSON.stringify([event]))).buffer;
}

function made() {
  const asked: number[] = [];
  const loaded = new Loaded(false, (_id, index) => asked.push(index));
  loaded.open(1);
  const tag = async (index: number) => {
    const [event] = (await loaded.load(index)) as unknown as [{ data: { tag: string } }];
    return event.data.tag;
  };
  return { asked, loaded, tag };
}

describe("segments in the frame", () => {
  it("are asked for, unless they came along", async () => {
    const { asked, loaded, tag } = made();
    loaded.arrived(1, 3, bytes("three"));
    expect(await tag(3)).toBe("three");
    expect(asked).toEqual([]);
    const four = tag(4);
    expect(asked).toEqual([4]);
    loaded.arrived(1, 4, bytes("four"));
    expect(await four).toBe("four");
  });

  it("that came along for another replay, or before it grew, are asked for", async () => {
    const { asked, loaded, tag } = made();
    loaded.arrived(1, 0, bytes("old"));
    loaded.drop(0);
    const grown = tag(0);
    loaded.arrived(1, 0, bytes("grown"));
    expect(await grown).toBe("grown");
    loaded.arrived(1, 2, bytes("of the first"));
    loaded.open(2);
    loaded.arrived(1, 2, bytes("late"));
    const second = tag(2);
    loaded.arrived(2, 2, bytes("of the second"));
    expect(await second).toBe("of the second");
    expect(asked).toEqual([0, 2]);
  });

  it("that could not be had are asked for again", async () => {
    const { asked, loaded, tag } = made();
    const failed = tag(5);
    loaded.arrived(1, 5, null);
    await expect(failed).rejects.toThrow("could not be loaded");
    const again = tag(5);
    loaded.arrived(1, 5, bytes("five"));
    expect(await again).toBe("five");
    expect(asked).toEqual([5, 5]);
  });
});
