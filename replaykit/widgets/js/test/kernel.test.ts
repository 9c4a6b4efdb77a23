import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Kernel, RequestError } from "../kernel.ts";

type Listener = (...args: never[]) => void;

class StubModel {
  traits: Record<string, unknown> = { time_ms: 0, playing: false };
  sent: { id: string; kind: string; params: unknown }[] = [];
  saves = 0;
  listeners = new Map<string, Set<Listener>>();
  widget_manager: unknown = undefined;

  get(name: string) {
    return this.traits[name];
  }
  set(name: string, value: unknown) {
    this.traits[name] = value;
    this.fire(`change:${name}`);
  }
  save_changes() {
    this.saves += 1;
  }
  send(content: unknown) {
    this.sent.push(content as (typeof this.sent)[number]);
  }
  on(event: string, then: Listener) {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all.add(then));
  }
  off(event: string, then: Listener) {
    this.listeners.get(event)?.delete(then);
  }
  fire(event: string, ...args: unknown[]) {
    for (const then of this.listeners.get(event) ?? []) then(...(args as never[]));
  }
}

function made() {
  const model = new StubModel();
  const stop = new AbortController();
  return { model, stop, kernel: new Kernel(model, stop.signal) };
}

describe("requests", () => {
  it("match replies by id, whatever their order", async () => {
    const { model, kernel } = made();
    const first = kernel.request("segment", { replay: "r", index: 0 });
    const second = kernel.request("segment", { replay: "r", index: 1 });
    const [a, b] = model.sent;
    model.fire("msg:custom", { id: b?.id, ok: true, data: { start: 5, end: 9 } }, []);
    model.fire("msg:custom", { id: a?.id, ok: true, data: { start: 0, end: 5 } }, []);
    expect((await first).data.start).toBe(0);
    expect((await second).data.start).toBe(5);
  });

  it("hand over exactly the bytes of a buffer, not the message around it", async () => {
    const { model, kernel } = made();
    const asked = kernel.request("segment", { replay: "r", index: 0 });
    const frame = new Uint8Array([9, 9, 1, 2, 3, 9]).buffer;
    const reply = { id: model.sent[0]?.id, ok: true, data: {} };
    model.fire("msg:custom", reply, [new DataView(frame, 2, 3)]);
    expect([...((await asked).buffers[0] ?? [])]).toEqual([1, 2, 3]);
  });

  it("are answered by what came with the widget, once", async () => {
    const { model, kernel } = made();
    const bytes = new DataView(new Uint8Array([9, 1, 2]).buffer, 1, 2);
    model.traits._opening = [
      { kind: "session", params: { replay: "r" }, data: { replay: "r" }, buffers: [] },
      { kind: "segment", params: { index: 3, replay: "r" }, data: {}, buffers: [bytes] },
    ];
    const { buffers } = await kernel.request("segment", { replay: "r", index: 3 });
    expect([...(buffers[0] ?? [])]).toEqual([1, 2]);
    expect((await kernel.request("session", { replay: "r" })).data.replay).toBe("r");
    expect(model.sent).toEqual([]);
    expect(model.traits._opening).toEqual([]);
    void kernel.request("segment", { replay: "r", index: 3 }).catch(() => undefined);
    void kernel.request("session", { replay: "other" }).catch(() => undefined);
    expect(model.sent.map(({ kind }) => kind)).toEqual(["segment", "session"]);
  });

  it("fail with what the kernel said", async () => {
    const { model, kernel } = made();
    const asked = kernel.request("session", { replay: "x" });
    const error = { code: "unknown_replay", message: "No replay 'x'.", hint: "See shop.replays." };
    model.fire("msg:custom", { id: model.sent[0]?.id, error });
    await expect(asked).rejects.toMatchObject({ ...error, name: "RequestError" });
  });

  it("ignore what was never asked, and other views' replies", () => {
    const { model } = made();
    model.fire("msg:custom", { id: "someone-else", ok: true, data: {} });
    model.fire("msg:custom", null);
  });
});

describe("a kernel that is gone", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is one that stays silent", async () => {
    const { kernel, stop } = made();
    const gone = vi.fn();
    kernel.onGone(gone, stop.signal);
    const asked = kernel.request("session", { replay: "r" });
    const failed = expect(asked).rejects.toBeInstanceOf(RequestError);
    await vi.advanceTimersByTimeAsync(61_000);
    await failed;
    expect(gone).toHaveBeenCalledOnce();
    await expect(kernel.request("session", { replay: "r" })).rejects.toMatchObject({
      code: "kernel_gone",
    });
    const late = vi.fn();
    kernel.onGone(late, stop.signal);
    expect(late).toHaveBeenCalledOnce();
  });

  it("is not one that runs a long cell: it answers afterwards", async () => {
    const { model, kernel, stop } = made();
    const status = { status: "busy" };
    model.widget_manager = { kernel: status };
    const gone = vi.fn();
    kernel.onGone(gone, stop.signal);
    const asked = kernel.request("segment", { replay: "r", index: 0 });
    await vi.advanceTimersByTimeAsync(150_000);
    expect(gone).not.toHaveBeenCalled();
    model.fire("msg:custom", { id: model.sent[0]?.id, ok: true, data: { start: 0, end: 5 } }, []);
    expect((await asked).data.end).toBe(5);
    const never = kernel.request("segment", { replay: "r", index: 1 });
    const failed = expect(never).rejects.toMatchObject({ code: "kernel_gone" });
    status.status = "idle";
    await vi.advanceTimersByTimeAsync(61_000);
    await failed;
    expect(gone).toHaveBeenCalledOnce();
  });

  it("is one whose comm closed or that restarts", () => {
    const { model, kernel, stop } = made();
    const gone = vi.fn();
    kernel.onGone(gone, stop.signal);
    model.fire("comm_live_update");
    expect(gone).toHaveBeenCalledOnce();

    const slots: ((sender: unknown, status: string) => void)[] = [];
    const watched = new StubModel();
    watched.widget_manager = {
      kernel: {
        status: "idle",
        statusChanged: { connect: (s: never) => slots.push(s), disconnect() {} },
      },
    };
    const again = new Kernel(watched, stop.signal);
    const told = vi.fn();
    again.onGone(told, stop.signal);
    slots[0]?.(null, "busy");
    expect(told).not.toHaveBeenCalled();
    slots[0]?.(null, "autorestarting");
    expect(told).toHaveBeenCalledOnce();
  });
});

describe("traits", () => {
  it("travel together, and only when something changed", () => {
    const { model, kernel } = made();
    kernel.set({ time_ms: 5, playing: true });
    kernel.set({ time_ms: 5 });
    expect([model.saves, model.traits.time_ms]).toEqual([1, 5]);
  });

  it("that others write are observed, our own are not", () => {
    const { model, kernel, stop } = made();
    const seen = vi.fn();
    kernel.observe("time_ms", seen, stop.signal);
    kernel.set({ time_ms: 7 });
    expect(seen).not.toHaveBeenCalled();
    model.set("time_ms", 9);
    expect(seen).toHaveBeenCalledExactlyOnceWith(9);
    stop.abort();
    model.set("time_ms", 11);
    expect(seen).toHaveBeenCalledOnce();
  });

  it("that the host says again do not undo what was written here since", () => {
    const { model, kernel, stop } = made();
    const seen = vi.fn();
    kernel.observe("time_ms", seen, stop.signal);
    kernel.set({ time_ms: 30_000 });
    kernel.put({ time_ms: 40_000 });
    model.set("time_ms", 30_000);
    expect([model.traits.time_ms, seen.mock.calls]).toEqual([40_000, []]);
    kernel.set({ time_ms: 40_000 });
    expect(model.saves).toBe(2);
    // What was sent is nobody else's to hold on to.
    model.set("time_ms", 30_000);
    expect(seen).toHaveBeenCalledExactlyOnceWith(30_000);
    // Somebody else's value wins over one that is not sent yet.
    kernel.put({ time_ms: 50_000 });
    model.set("time_ms", 12_000);
    expect([model.traits.time_ms, seen.mock.lastCall]).toEqual([12_000, [12_000]]);
    kernel.set({});
    expect(model.saves).toBe(2);
  });
});
