import { describe, expect, it } from "vitest";
import { keepAtNodes, type Mirrored } from "../engine/metas.ts";

/** As rrweb's mirror: what it knows of a node outlives the node's place in the page. */
class Mirror implements Mirrored {
  nodes = new Map<number, object>();
  nodeMetaMap: unknown = new WeakMap();
  get metas() {
    return this.nodeMetaMap as WeakMap<object, { id: number; type: number }>;
  }
  add(node: object, id: number, type: number): void {
    this.nodes.set(id, node);
    this.metas.set(node, { id, type });
  }
  id(node: object): number {
    return this.metas.get(node)?.id ?? -1;
  }
  reset(): void {
    this.nodes = new Map();
    this.nodeMetaMap = new WeakMap();
  }
}

function made(): Mirror {
  const mirror = new Mirror();
  keepAtNodes({ getMirror: () => mirror as never });
  return mirror;
}

describe("what is known of a node", () => {
  it("is found while the page stands, and is the newest", () => {
    const mirror = made();
    const [one, other] = [{}, {}];
    mirror.add(one, 1, 2);
    mirror.add(other, 2, 3);
    expect([mirror.id(one), mirror.id(other), mirror.id({})]).toEqual([1, 2, -1]);
    mirror.add(one, 7, 2);
    expect(mirror.id(one)).toBe(7);
    expect([mirror.metas.has(one), mirror.metas.has({})]).toEqual([true, false]);
    expect(Object.keys(one)).toEqual([]);
  });

  it("is forgotten of the document that stays when a page is opened anew", () => {
    const mirror = made();
    const [page, frame] = [{}, {}];
    mirror.add(page, 1, 0);
    mirror.add(frame, 9, 0);
    mirror.reset();
    expect([mirror.id(page), mirror.id(frame), mirror.nodes.size]).toEqual([-1, -1, 0]);
    mirror.add(page, 4, 0);
    expect(mirror.id(page)).toBe(4);
    expect(mirror.id(frame)).toBe(-1);
  });

  it("of one replayer is not another's", () => {
    const [one, other] = [made(), made()];
    const page = {};
    one.add(page, 1, 0);
    other.reset();
    expect(one.id(page)).toBe(1);
  });
});
