import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFirst } from "../player/first.ts";

describe("what the first page need not wait for", () => {
  let frames: (() => void)[] = [];
  beforeEach(() => {
    frames = [];
    vi.useFakeTimers();
    vi.stubGlobal("requestAnimationFrame", (then: () => void) => frames.push(then));
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is done once, after the frame that paints it", () => {
    const work = vi.fn();
    const first = createFirst(new AbortController().signal);
    first.defer(work);
    first.painted();
    vi.advanceTimersByTime(10);
    expect(work).not.toHaveBeenCalled();
    for (const frame of frames) frame();
    vi.advanceTimersByTime(1);
    expect(work).toHaveBeenCalledOnce();
    first.painted();
    vi.runAllTimers();
    expect(work).toHaveBeenCalledOnce();
    expect(frames.length).toBe(1);
  });

  it("is not put off for long where no page comes, nor where somebody acts", () => {
    const late = vi.fn();
    const first = createFirst(new AbortController().signal);
    first.defer(late);
    vi.advanceTimersByTime(1000);
    expect(late).toHaveBeenCalledOnce();
    const soon = vi.fn();
    first.defer(soon);
    first.now();
    vi.runAllTimers();
    expect(soon).toHaveBeenCalledOnce();
  });

  it("is nothing any more when the player is gone", () => {
    const stop = new AbortController();
    const work = vi.fn();
    const first = createFirst(stop.signal);
    first.defer(work);
    stop.abort();
    vi.runAllTimers();
    first.now();
    expect(work).not.toHaveBeenCalled();
  });
});
