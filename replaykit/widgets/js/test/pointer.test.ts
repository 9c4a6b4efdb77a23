import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { oncePerFrame, type Pointed } from "../engine/pointer.ts";

/** A replayer that counts what it draws and hovers, and the frames it is given. */
function replayer(speed: number) {
  const did: string[] = [];
  const pen = {
    clearRect: () => did.push("clear"),
    beginPath: () => undefined,
    lineTo: (x: number) => did.push(`to ${x}`),
    stroke: () => did.push("stroke"),
  };
  const inner = {
    mouseTail: { width: 9, height: 9, getContext: () => pen } as unknown as HTMLCanvasElement,
    tailPositions: [] as unknown[],
    config: { mouseTail: { strokeStyle: "red", lineWidth: 3, duration: 500 }, speed },
    moveAndHover(x: number, y: number, id: number, sync: boolean) {
      if (!sync) inner.drawMouseTail({ x, y });
      inner.hoverElements(id as unknown as Element);
    },
    drawMouseTail: () => undefined as undefined,
    hoverElements: (target: Element) => void did.push(`hover ${target}`),
  } as unknown as Pointed;
  oncePerFrame(inner);
  return { inner, did };
}

describe("the pointer", () => {
  let frames: (() => void)[] = [];
  let now = 0;
  beforeEach(() => {
    frames = [];
    now = 1000;
    vi.stubGlobal("requestAnimationFrame", (then: () => void) => frames.push(then));
    vi.spyOn(performance, "now").mockImplementation(() => now);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
  const frame = () => {
    for (const then of frames.splice(0)) then();
  };

  it("draws its trail and hovers once for all positions of a frame", async () => {
    const { inner, did } = replayer(16);
    for (let x = 1; x <= 300; x += 1) inner.moveAndHover(x, 0, x, false, null);
    expect(did).toEqual([]);
    await Promise.resolve();
    expect(did).toEqual(["hover 300"]);
    frame();
    expect(did.filter((one) => one === "stroke")).toHaveLength(1);
    expect(did.filter((one) => one.startsWith("to "))).toHaveLength(300);
  });

  it("keeps a point for half a recorded second, and clears what is left", () => {
    const { inner, did } = replayer(2);
    inner.moveAndHover(1, 0, 1, false, null);
    now += 200;
    inner.moveAndHover(2, 0, 2, false, null);
    frame();
    expect(did).toEqual(["clear", "to 1", "to 2", "stroke"]);
    did.length = 0;
    now += 60;
    frame();
    expect(did).toEqual(["clear", "to 2", "stroke"]);
    did.length = 0;
    now += 200;
    frame();
    expect(did).toEqual(["clear"]);
    expect(frames).toEqual([]);
  });

  it("is where a jump puts it at once", async () => {
    const { inner, did } = replayer(1);
    inner.moveAndHover(1, 0, 1, false, null);
    inner.moveAndHover(7, 0, 7, true, null);
    await Promise.resolve();
    expect(did).toEqual(["hover 7"]);
  });
});
