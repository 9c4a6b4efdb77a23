import { describe, expect, it } from "vitest";
import { Clock } from "../clock.ts";
import type { Span } from "../protocol.ts";
import { longerThan } from "../tracks.ts";
import { block } from "./spec.ts";

function clockAt(length = 60_000, skips: Span[] = []) {
  let now = 1000;
  const clock = new Clock(() => now);
  clock.load(length, skips);
  return { clock, pass: (ms: number) => (now += ms) };
}

describe("states", () => {
  it("is empty until a replay is loaded", () => {
    const clock = new Clock(() => 0);
    clock.play();
    clock.seek(500);
    expect([clock.state, clock.position]).toEqual(["empty", 0]);
  });

  it("stands still between play and the page being there", () => {
    const { clock, pass } = clockAt();
    clock.play();
    pass(400);
    expect([clock.state, clock.running, clock.position]).toEqual(["waiting", true, 0]);
    clock.release();
    pass(400);
    expect([clock.state, clock.position]).toEqual(["playing", 400]);
  });

  it("pauses where it is and goes on from there", () => {
    const { clock, pass } = clockAt();
    clock.play();
    clock.release();
    pass(1500);
    clock.pause();
    pass(9000);
    expect([clock.state, clock.position]).toEqual(["paused", 1500]);
    clock.play();
    clock.release();
    pass(100);
    expect(clock.position).toBe(1600);
  });

  it("waits for a segment in the middle of playing", () => {
    const { clock, pass } = clockAt();
    clock.play();
    clock.release();
    pass(2000);
    clock.wait();
    pass(5000);
    expect([clock.state, clock.position]).toEqual(["waiting", 2000]);
    clock.release();
    pass(1);
    expect(clock.position).toBe(2001);
  });

  it("ends once, and starts over from the end", () => {
    const { clock, pass } = clockAt(1000);
    clock.play();
    clock.release();
    pass(5000);
    expect(clock.tick()).toEqual({ kind: "end" });
    expect([clock.state, clock.position]).toEqual(["ended", 1000]);
    expect(clock.tick()).toEqual({ kind: "none" });
    clock.play();
    expect([clock.state, clock.position]).toEqual(["waiting", 0]);
  });

  it("clamps a seek and keeps playing through it", () => {
    const { clock } = clockAt(1000);
    clock.seek(-5);
    expect(clock.position).toBe(0);
    clock.seek(1e9);
    expect([clock.state, clock.position]).toEqual(["paused", 1000]);
    clock.seek(10);
    clock.play();
    clock.release();
    clock.seek(500);
    expect([clock.state, clock.position]).toEqual(["waiting", 500]);
    clock.seek(Number.NaN);
    expect(clock.position).toBe(500);
  });
});

describe("speed", () => {
  it("changes without a jump", () => {
    const { clock, pass } = clockAt();
    clock.play();
    clock.release();
    pass(1000);
    clock.setSpeed(8);
    expect(clock.position).toBe(1000);
    pass(1000);
    expect(clock.position).toBe(9000);
  });

  it("steps through 0.5 to 16 and stays at the ends", () => {
    const { clock } = clockAt();
    const up = [1, 2, 3, 4, 5].map(() => clock.stepSpeed(1));
    expect(up).toEqual([2, 4, 8, 16, 16]);
    const down = [1, 2, 3, 4, 5, 6].map(() => clock.stepSpeed(-1));
    expect(down).toEqual([8, 4, 2, 1, 0.5, 0.5]);
  });

  it("refuses what is no speed", () => {
    const { clock } = clockAt();
    for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) clock.setSpeed(bad);
    expect(clock.speed).toBe(1);
  });
});

describe("inactive stretches", () => {
  const skips: Span[] = [
    [2000, 13_000],
    [24_000, 34_000],
    [34_000, 44_000],
  ];

  it("are jumped over while playing", () => {
    const { clock, pass } = clockAt(60_000, skips);
    clock.play();
    clock.release();
    pass(1999);
    expect(clock.tick()).toEqual({ kind: "none" });
    pass(2);
    expect(clock.tick()).toEqual({ kind: "jump", to: 13_000 });
    expect([clock.state, clock.position]).toEqual(["waiting", 13_000]);
  });

  it("that touch are left in one jump", () => {
    const { clock } = clockAt(60_000, skips);
    expect(clock.jumpFrom(25_000)).toBe(44_000);
  });

  it("are shown when skipping is off", () => {
    const { clock, pass } = clockAt(60_000, skips);
    clock.setSkipping(false);
    clock.play();
    clock.release();
    pass(5000);
    expect(clock.tick()).toEqual({ kind: "none" });
    expect(clock.position).toBe(5000);
  });

  it("are shown for a second after a deliberate seek into one", () => {
    const { clock, pass } = clockAt(60_000, skips);
    clock.seek(5000);
    clock.play();
    clock.release();
    pass(900);
    expect(clock.tick()).toEqual({ kind: "none" });
    pass(200);
    expect(clock.tick()).toEqual({ kind: "jump", to: 13_000 });
  });

  it("to the end of the replay end it", () => {
    const { clock, pass } = clockAt(20_000, [[5000, 20_000]]);
    clock.play();
    clock.release();
    pass(5001);
    expect(clock.tick()).toEqual({ kind: "jump", to: 20_000 });
    clock.release();
    expect(clock.tick()).toEqual({ kind: "end" });
  });

  it("too short to be worth a cut are played", () => {
    const { clock } = clockAt(60_000, [[1000, 1400]]);
    expect(clock.jumpFrom(1000)).toBeNull();
  });
});

describe("spec/replay.md 5: rep.inactive", () => {
  const events = block("replay.md", "rep.inactive.events");
  const expected = block("replay.md", "rep.inactive.expected");
  const length = Number(events.at(-1)?.t_ms);
  const touched = events
    .filter(({ type, source }) => type === "3" && Number(source) >= 1 && Number(source) <= 5)
    .map((event) => Number(event.t_ms));
  const edges = [0, ...touched, length];
  const pauses = edges.slice(1).map((end, i): Span => [edges[i] ?? 0, end]);
  const bands = longerThan(pauses, 10_000);

  it("keeps the stretches of more than ten seconds", () => {
    const got = bands.map(([start, end]) => ({ start_ms: `${start}`, end_ms: `${end}` }));
    expect(got).toEqual(expected);
  });

  it("plays every moment between them, and none inside", () => {
    const { clock, pass } = clockAt(length, bands);
    clock.play();
    clock.release();
    const jumps: [number, number][] = [];
    for (let steps = 0; steps < 100_000 && clock.running; steps += 1) {
      const from = clock.position;
      const tick = clock.tick();
      if (tick.kind === "jump") {
        jumps.push([from, tick.to]);
        clock.release();
      }
      pass(1);
    }
    const two = expected.slice(0, 1).concat({
      // Bands that touch are left in one jump.
      start_ms: expected[1]?.start_ms ?? "",
      end_ms: expected.at(-1)?.end_ms ?? "",
    });
    expect(jumps).toEqual(two.map((row) => [Number(row.start_ms), Number(row.end_ms)]));
  });

  it("at a longer threshold keeps fewer", () => {
    expect(longerThan(pauses, 10_001).map(([start]) => start)).toEqual([2000]);
  });
});

describe("a replay that grows", () => {
  function growing(length = 1000) {
    const made = clockAt(length);
    made.clock.setGrowing(true);
    made.clock.play();
    made.clock.release();
    return made;
  }

  it("waits at its end and goes on from there when more has come and its page is there", () => {
    const { clock, pass } = growing();
    pass(1500);
    expect(clock.tick()).toEqual({ kind: "edge" });
    expect([clock.state, clock.running, clock.position]).toEqual(["edge", true, 1000]);
    pass(60_000);
    expect(clock.tick()).toEqual({ kind: "none" });
    expect(clock.extend(5000)).toBe(true);
    expect([clock.state, clock.position, clock.length]).toEqual(["waiting", 1000, 5000]);
    clock.release();
    pass(300);
    expect([clock.state, clock.position]).toEqual(["playing", 1300]);
  });

  it("does not move while it becomes longer", () => {
    const { clock, pass } = growing(10_000);
    pass(2000);
    expect(clock.extend(60_000)).toBe(false);
    expect([clock.state, clock.position, clock.length]).toEqual(["playing", 2000, 60_000]);
    clock.pause();
    expect(clock.extend(70_000)).toBe(false);
    expect([clock.state, clock.position]).toEqual(["paused", 2000]);
  });

  it("never becomes shorter", () => {
    const { clock } = growing(10_000);
    clock.extend(4000);
    expect(clock.length).toBe(10_000);
  });

  it("is paused at its end like anywhere else, and played from there it waits again", () => {
    const { clock, pass } = growing();
    pass(1000);
    clock.tick();
    clock.pause();
    expect([clock.state, clock.position]).toEqual(["paused", 1000]);
    expect(clock.extend(1000)).toBe(false);
    clock.play();
    expect([clock.state, clock.position]).toEqual(["edge", 1000]);
    clock.seek(200);
    expect([clock.state, clock.position]).toEqual(["waiting", 200]);
  });

  it("plays on from an end that it had reached before it grew", () => {
    const { clock, pass } = clockAt(1000);
    clock.play();
    clock.release();
    pass(1000);
    expect(clock.tick()).toEqual({ kind: "end" });
    clock.extend(3000);
    clock.play();
    expect([clock.state, clock.position]).toEqual(["waiting", 1000]);
  });

  it("ends where it is when it is followed no more", () => {
    const { clock, pass } = growing();
    pass(1000);
    clock.tick();
    clock.setGrowing(false);
    expect([clock.state, clock.running]).toEqual(["ended", false]);
  });

  it("takes new inactive stretches over", () => {
    const { clock, pass } = growing(10_000);
    clock.extend(60_000, [[12_000, 40_000]]);
    pass(12_500);
    expect(clock.tick()).toEqual({ kind: "jump", to: 40_000 });
  });
});
