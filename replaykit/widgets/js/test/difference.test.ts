import { expect, test } from "vitest";
import { difference, type SnapshotNode } from "../difference.ts";
import { Changes } from "../touched.ts";

function node(id: number, tagName: string, childNodes: SnapshotNode[] = [], attributes = {}) {
  return { id, type: 2, tagName, attributes, childNodes } as SnapshotNode;
}

function page(...body: SnapshotNode[]): SnapshotNode {
  const html = node(2, "html", [node(3, "head"), node(4, "body", body)]);
  return { id: 1, type: 0, childNodes: [html] };
}

function text(id: number, textContent: string): SnapshotNode {
  return { id, type: 3, textContent };
}

/** The page that stands, as lists of children. */
function standing(top: SnapshotNode): Map<number, SnapshotNode> {
  const all = new Map<number, SnapshotNode>();
  const visit = (one: SnapshotNode): SnapshotNode => {
    const copy: SnapshotNode = { ...one, childNodes: (one.childNodes ?? []).map(visit) };
    all.set(one.id, copy);
    return copy;
  };
  visit(top);
  return all;
}

function applied(from: SnapshotNode, to: SnapshotNode, changes = new Changes()) {
  const all = standing(from);
  const children = (id: number) => all.get(id)?.childNodes?.map((one) => one.id) ?? null;
  const made = difference(from, to, changes, {
    holds: (id, nodes) => String(children(id)) === String(nodes.map((one) => one.id)),
    children,
  });
  if (!made) return null;
  for (const { parentId, id } of made.removes) {
    const parent = all.get(parentId) as SnapshotNode;
    parent.childNodes = parent.childNodes?.filter((one) => one.id !== id) ?? [];
  }
  for (const { parentId, nextId, node: added } of made.adds) {
    const list = all.get(parentId)?.childNodes as SnapshotNode[];
    const copy = { ...added, childNodes: [] };
    all.set(added.id, copy);
    const at = nextId === null ? list.length : list.findIndex((one) => one.id === nextId);
    expect(at).toBeGreaterThanOrEqual(0);
    list.splice(at, 0, copy);
  }
  for (const { id, value } of made.texts) (all.get(id) as SnapshotNode).textContent = value;
  for (const { id, attributes } of made.attributes) {
    const one = all.get(id) as SnapshotNode;
    const set = { ...one.attributes, ...attributes } as Record<string, unknown>;
    for (const [name, value] of Object.entries(set)) if (value === null) delete set[name];
    one.attributes = set;
  }
  return { page: all.get(1) as SnapshotNode, made };
}

function plain(one: SnapshotNode): unknown {
  const { childNodes = [], attributes = {}, textContent = "", tagName = "", id } = one;
  return { id, tagName, textContent, attributes, childNodes: childNodes.map(plain) };
}

test("what is the same stays, what differs is changed", () => {
  const from = page(node(5, "p", [text(6, "a")], { class: "x", lang: "en" }), node(7, "p"));
  const to = page(node(7, "p"), node(5, "p", [text(6, "b")], { class: "y" }), node(8, "i"));
  const { page: got, made } = applied(from, to) ?? {};
  expect(plain(got as SnapshotNode)).toEqual(plain(to));
  expect(made?.adds.map((one) => one.node.id)).toContain(8);
});

test("an attribute that was set since is set back", () => {
  const from = page(node(5, "p", [], { class: "x" }));
  const changes = new Changes();
  const set = [{ id: 5, attributes: { class: "open", style: { top: "1px" } } }];
  changes.note({ type: 3, data: { source: 0, attributes: set, texts: [], adds: [], removes: [] } });
  const { made } = applied(from, page(node(5, "p", [], { class: "x" })), changes) ?? {};
  expect(made?.attributes).toEqual([{ id: 5, attributes: { class: "x", style: null } }]);
});

test("what was typed into, and a sheet that was edited, is built anew", () => {
  const body = () => [node(5, "input", [], { value: "" }), node(6, "style", [text(7, "a {}")])];
  const changes = new Changes();
  changes.note({ type: 3, data: { source: 5, id: 5, text: "ana" } });
  changes.note({ type: 3, data: { source: 8, id: 6, adds: [] } });
  const { made } = applied(page(...body()), page(...body()), changes) ?? {};
  expect(made?.removes.map((one) => one.id)).toEqual([5, 6]);
  expect(made?.adds.map((one) => one.node.id)).toEqual([6, 7, 5]);
});

test("a list that was filled since is built anew", () => {
  const from = page(node(5, "select"));
  const all = page(node(5, "select", [node(6, "option")]));
  const children = (id: number) =>
    standing(all)
      .get(id)
      ?.childNodes?.map((one) => one.id) ?? null;
  const made = difference(from, page(node(5, "select")), new Changes(), {
    holds: (id, nodes) => String(children(id)) === String(nodes.map((one) => one.id)),
    children,
  });
  expect(made?.removes).toEqual([{ parentId: 4, id: 5 }]);
  expect(made?.adds.map((one) => one.node.id)).toEqual([5]);
});

test("fonts, adopted sheets and documents of frames need a new page", () => {
  for (const data of [
    { source: 10 },
    { source: 15, id: 1 },
    { source: 13, styleId: 2 },
    { source: 0, isAttachIframe: true, adds: [] },
  ]) {
    const changes = new Changes();
    changes.note({ type: 3, data });
    expect(applied(page(), page(), changes)).toBeNull();
  }
});

test("any page becomes any other", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed % below;
  };
  const tags = ["p", "div", "li", "input", "style", "ul"];
  const made = (): SnapshotNode => {
    const ids = Array.from({ length: 24 }, (_, i) => i + 10).sort(() => random(3) - 1);
    const grow = (depth: number): SnapshotNode[] => {
      const list: SnapshotNode[] = [];
      while (list.length < 4 && ids.length > 0 && random(4) > 0) {
        const id = ids.pop() as number;
        if (random(4) === 0) list.push(text(id, `t${random(3)}`));
        else {
          const inside = depth < 3 ? grow(depth + 1) : [];
          const given: Record<string, string> = {};
          for (const name of ["class", "style", "title"])
            if (random(2)) given[name] = `v${random(3)}`;
          list.push(node(id, tags[id % tags.length] as string, inside, given));
        }
      }
      return list;
    };
    return page(...grow(0));
  };
  for (let round = 0; round < 500; round += 1) {
    const [from, to] = [made(), made()];
    const got = applied(from, to);
    expect(got && plain(got.page)).toEqual(plain(to));
  }
});

test("a text area with a value comes without the children that it hides", () => {
  const area = { id: 10, type: 2, tagName: "textarea", attributes: { value: "***" } };
  const made = applied(page(), page({ ...area, childNodes: [text(11, "secret")] }));
  expect(made?.made.adds.map(({ node: { id } }) => id)).toEqual([10]);
});

test("a style of several texts is built with them, to share its own out among them", () => {
  const split = {
    id: 10,
    type: 2,
    tagName: "style",
    attributes: { _cssText: "a{}/* rr_split */b{}" },
  };
  const made = applied(page(), page({ ...split, childNodes: [text(11, ""), text(12, "")] }));
  const [style, second, first] = made?.made.adds ?? [];
  expect(style?.node.childNodes).toEqual([text(11, ""), text(12, "")]);
  // The very same texts: rrweb writes into them.
  expect(style?.node.childNodes?.[0]).toBe(first?.node);
  expect(style?.node.childNodes?.[1]).toBe(second?.node);
});

test("what plays comes and goes with whole pages only", () => {
  const [film, other] = [node(10, "video"), node(11, "p")];
  expect(applied(page(other), page(other, film))).toBeNull();
  expect(applied(page(other, node(12, "div", [film])), page(other))).toBeNull();
  expect(applied(page(film, other), page(film))).not.toBeNull();
});

test("what comes with a shadow keeps its order, in the shadow and beside it", () => {
  const shadow = [10, 11, 12].map((id) => ({ ...node(id, "p"), isShadow: true }));
  const host = { ...node(9, "div", [...shadow, node(13, "i"), node(14, "b")]), isShadowHost: true };
  const there = applied(page(), page(host as SnapshotNode));
  const nexts = there?.made.adds.map((add) => [add.node.id, add.nextId]);
  expect(nexts).toEqual([
    [9, null],
    [14, null],
    [13, 14],
    [12, null],
    [11, 12],
    [10, 11],
  ]);
});
