import { describe, expect, it } from "vitest";
import { Blobs, fromBase64, inflate } from "../page/blobs.ts";
import { partAt } from "../page/contents.ts";
import { readMoment, writeMoment } from "../page/links.ts";
import { type Capsule, PageSource } from "../page/source.ts";

async function deflated(value: unknown): Promise<string> {
  const stream = new Blob([JSON.stringify(value)])
    .stream()
    .pipeThrough(new CompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}

/** A page that holds these blobs, without a browser's document. */
async function pageWith(values: Record<string, unknown>): Promise<Blobs> {
  const blocks = new Map<string, { textContent: string }>();
  for (const [name, value] of Object.entries(values)) {
    blocks.set(`script[data-rk-blob="${name}"]`, { textContent: await deflated(value) });
  }
  globalThis.CSS = { escape: (text: string) => text } as typeof CSS;
  return new Blobs({ querySelector: (of: string) => blocks.get(of) ?? null } as ParentNode);
}

const SESSION = {
  replay: "r/1",
  user: "ana",
  opened_t: null,
  match: null,
  because: null,
  events: { id: ["5", "6"], t: [0, 9], name: ["A", "B"], props: [{}, {}], charted: [0, 0] },
};

const CAPSULE: Capsule = {
  kind: "result",
  zone: "Europe/Paris",
  replays: ["r/1"],
  rows: { "5": [1000, "A", { price: 2 }, 0], "6": [1009, "B", {}, 1] },
  replies: {
    'users {"key":"funnel|1","with_replays":false}': {
      data: { total: 3, rows: [{ user: "ana" }, { user: "ben" }, { user: "cy" }] },
    },
    'stream {"key":"funnel|1","user":"ana"}': {
      data: { user: "ana", sessions: [], rows: { id: ["6", "5"], charted: [1, 0], place: [0, 1] } },
    },
    'session {"point":"funnel|1","replay":"r/1"}': {
      blob: "s1",
      said: { opened_t: 9, match: "covering", because: "dropped" },
      charted: [1],
    },
    'segment {"index":0,"replay":"r/1"}': { data: { start: 0, end: 9 }, buffers: ["seg"] },
  },
};

const source = async () => new PageSource(CAPSULE, await pageWith({ s1: SESSION, seg: [1] }), null);

describe("what only a kernel can answer", () => {
  it("is off in a page, with the reason", async () => {
    const page = await source();
    for (const kind of ["growth", "anatomy", "person"] as const) {
      expect(page.off(kind)).toMatch(/page|notebook/);
      await expect(page.request(kind, {} as never)).rejects.toMatchObject({ code: "not_here" });
    }
    expect(page.off("session")).toBeNull();
    expect(page.get("follow")).toBe(false);
  });
});

describe("a page's source", () => {
  it("pages through a list that travelled whole", async () => {
    const asked = { key: "funnel|1", with_replays: false, offset: 1, limit: 1 };
    const { data } = await (await source()).request("users", asked);
    expect(data).toEqual({ total: 3, rows: [{ user: "ben" }] });
  });

  it("puts the rows of a stream together", async () => {
    const { data } = await (await source()).request("stream", { key: "funnel|1", user: "ana" });
    expect(data.rows).toEqual({
      id: ["6", "5"],
      charted: [1, 0],
      place: [0, 1],
      time_ms: [1009, 1000],
      name: ["B", "A"],
      props: [{}, { price: 2 }],
      out_of_session: [1, 0],
    });
  });

  it("adds to a session what its point says", async () => {
    const { data } = await (await source()).request("session", {
      replay: "r/1",
      point: "funnel|1",
    });
    expect(data.opened_t).toBe(9);
    expect(data.because).toBe("dropped");
    expect(data.events.charted).toEqual([0, 1]);
  });

  it("plays a replay that another point brought, without that point's words", async () => {
    const { data } = await (await source()).request("session", { replay: "r/1" });
    expect(data.user).toBe("ana");
    expect(data.opened_t).toBeNull();
    expect(data.events.charted).toEqual([0, 0]);
  });

  it("hands out bytes as they travelled", async () => {
    const { buffers } = await (await source()).request("segment", { replay: "r/1", index: 0 });
    expect(await inflate(buffers[0] as Uint8Array<ArrayBuffer>)).toBe("[1]");
  });

  it("says what does not travel", async () => {
    const asked = (await source()).request("point", { key: "funnel|9" });
    await expect(asked).rejects.toMatchObject({ code: "not_here" });
    const other = (await source()).request("session", { replay: "r/2" });
    await expect(other).rejects.toMatchObject({ code: "not_here" });
  });

  it("tells listeners what others write, not what the widget writes", async () => {
    const page = await source();
    const heard: string[] = [];
    const stop = new AbortController();
    page.observe("session", (value) => heard.push(value), stop.signal);
    page.set({ session: "a" });
    page.push({ session: "b" });
    stop.abort();
    page.push({ session: "c" });
    expect(heard).toEqual(["b"]);
    expect(page.get("session")).toBe("c");
  });
});

describe("links to a moment", () => {
  it("survive ids of any kind", () => {
    const moment = { replay: 'd1/17&t=9#"é', t: 252_000 };
    expect(readMoment(writeMoment(moment))).toEqual(moment);
  });

  it("need a replay, and clamp the time", () => {
    expect(readMoment("#s-heading")).toBeNull();
    expect(readMoment("#replay=r&t=-5")).toEqual({ replay: "r", t: 0 });
    expect(readMoment("#replay=r&t=soon")).toEqual({ replay: "r", t: null });
  });
});

it("marks the part that is being read", () => {
  expect(partAt([100, 900], 200)).toBe(0);
  expect(partAt([-500, 150, 900], 200)).toBe(1);
  expect(partAt([300, 900], 200)).toBe(0);
  expect(partAt([-900, -100], 200)).toBe(1);
});

it("reads base64 with line ends around it", () => {
  expect([...fromBase64("\n AQL/ \n")]).toEqual([1, 2, 255]);
});
