/**
 * From one keyframe to another without building the page anew: what differs, as a mutation.
 *
 * Two keyframes of one visit share most of their nodes, by id. What the browser holds of the old
 * page is left where it is the same in the new one; the rest is taken out and put in as a recorded
 * change would be. Whatever state a snapshot's text does not show (typed values, edited sheets,
 * frames, drawings) is not compared: those elements are built anew, or the whole page is.
 */

export interface SnapshotNode {
  id: number;
  type: number;
  tagName?: string;
  attributes?: Record<string, unknown>;
  childNodes?: SnapshotNode[];
  textContent?: string;
  isSVG?: boolean | null;
  isShadow?: boolean;
}

/** What happened to the page since its keyframe. */
export interface Touched {
  /** Attributes set, by node. */
  attributes: Map<number, Set<string>>;
  /** Texts set. */
  texts: Set<number>;
  /** Nodes with state beyond their text: typed into, edited, played, drawn on. */
  state: Set<number>;
  /** Something that only a new page undoes. */
  beyond: boolean;
}

/** The page as it stands. */
export interface Standing {
  /** Whether the children of a node are these, in this order. */
  holds(id: number, nodes: readonly SnapshotNode[]): boolean;
  /** The children of a node, in order; null when there is no such node. */
  children(id: number): number[] | null;
}

interface Add {
  parentId: number;
  nextId: number | null;
  node: SnapshotNode;
}

export interface Difference {
  source: 0;
  removes: { parentId: number; id: number }[];
  adds: Add[];
  texts: { id: number; value: string }[];
  attributes: { id: number; attributes: Record<string, string | null> }[];
}

const ELEMENT = 2;
const PARENTS = new Set([0, ELEMENT]);
/** Elements whose children or attributes say less than what they show. */
const WHOLE = new Set(
  (
    "style link script noscript textarea select input option canvas video audio source track " +
    "picture object embed iframe frame dialog base meta title slot template"
  ).split(" "),
);
/** Attributes that rrweb gives a meaning of its own, or a namespace. */
const SPECIAL = /^(?:rr_|_|on|value$|checked$|selected$|open$)|[:A-Z]/;

/** What makes a page at one keyframe a page at another; null when it must be built anew. */
export function difference(
  from: SnapshotNode,
  to: SnapshotNode,
  touched: Touched,
  standing: Standing,
): Difference | null {
  if (touched.beyond || from.id !== to.id) return null;
  const made: Difference = { source: 0, removes: [], adds: [], texts: [], attributes: [] };

  /** What a node was: mostly its place among its siblings is the same. */
  const before = (node: SnapshotNode, parent: SnapshotNode, at: number) => {
    const there = parent.childNodes?.[at];
    return there?.id === node.id ? there : indexed(from).get(node.id);
  };

  /** How a node stays on the page; null when it must be built anew. */
  const kept = (was: SnapshotNode | undefined, node: SnapshotNode): Kept | null => {
    if (!was || was.type !== node.type || was.tagName !== node.tagName) return null;
    if (!was.isSVG !== !node.isSVG || !was.isShadow !== !node.isShadow) return null;
    if (node.type !== ELEMENT) {
      const may = PARENTS.has(node.type) || node.type === 3 || same(was, node);
      return may ? { was, set: NOTHING_SET, whole: false } : null;
    }
    if (touched.state.has(node.id)) return null;
    if (isWhole(node.tagName ?? "") || hasShadow(was) || hasShadow(node)) {
      return !isTouched(was) && same(was, node) ? { was, set: NOTHING_SET, whole: true } : null;
    }
    const set = attributesOf(was, node);
    return set && { was, set, whole: false };
  };

  const isTouched = (node: SnapshotNode): boolean => {
    const { id, childNodes = [] } = node;
    if (touched.attributes.has(id) || touched.texts.has(id) || touched.state.has(id)) return true;
    // A style's own text node may be missing from the mirror: then nobody can say.
    if (!standing.holds(id, childNodes)) return true;
    return childNodes.some(isTouched);
  };

  /** What to set on a kept element; null when setting would not do. */
  const attributesOf = (
    was: SnapshotNode,
    node: SnapshotNode,
  ): Record<string, string | null> | null => {
    const old = was.attributes ?? NONE;
    const after = node.attributes ?? NONE;
    const changed = touched.attributes.get(node.id);
    // Of most elements nothing has changed.
    if (!changed && sameValues(old, after)) return NOTHING_SET;
    const set: Record<string, string | null> = {};
    const names = new Set([...Object.keys(old), ...Object.keys(after), ...(changed ?? [])]);
    for (const name of names) {
      const value = after[name];
      if (old[name] === value && !changed?.has(name)) continue;
      if (SPECIAL.test(name)) return null;
      if (value === undefined || value === null) set[name] = null;
      else if (typeof value === "string") set[name] = value;
      else return null;
    }
    return set;
  };

  const put = (parentId: number, nextId: number | null, node: SnapshotNode): void => {
    made.adds.push({ parentId, nextId, node: { ...node, childNodes: [] } });
    let after: number | null = null;
    for (const child of [...(node.childNodes ?? [])].reverse()) {
      put(node.id, child.isShadow ? null : after, child);
      after = child.id;
    }
  };

  const walk = (node: SnapshotNode, { was, set, whole }: Kept): boolean => {
    if (whole) return true;
    if (node.type === 3) {
      const value = node.textContent ?? "";
      if (value !== (was.textContent ?? "") || touched.texts.has(node.id)) {
        made.texts.push({ id: node.id, value });
      }
      return true;
    }
    if (!PARENTS.has(node.type)) return true;
    if (set !== NOTHING_SET && Object.keys(set).length > 0) {
      made.attributes.push({ id: node.id, attributes: set });
    }
    const wanted = node.childNodes ?? [];
    if (standing.holds(node.id, wanted)) {
      const how = wanted.map((child, at) => kept(before(child, was, at), child));
      // From the last to the first, as where some are exchanged.
      if (how.every((one) => one !== null)) {
        for (let at = wanted.length - 1; at >= 0; at -= 1) {
          if (!walk(wanted[at] as SnapshotNode, how[at] as Kept)) return false;
        }
        return true;
      }
    }
    return exchange(node, wanted);
  };

  /** Take out and put in what differs among the children of a node. */
  const exchange = (node: SnapshotNode, wanted: SnapshotNode[]): boolean => {
    const here = standing.children(node.id);
    if (!here) return false;
    const places = new Map(here.map((id, at) => [id, at]));
    // Kept in place: those that stand here already, in an order that only rises.
    const stay = new Map<number, Kept>();
    let last = -1;
    for (const child of wanted) {
      const place = places.get(child.id) ?? -1;
      const how = place > last ? kept(indexed(from).get(child.id), child) : null;
      if (!how) continue;
      stay.set(child.id, how);
      last = place;
    }
    // A document's own parts are not exchanged one by one.
    if (node.type === 0 && (stay.size !== wanted.length || here.length !== wanted.length))
      return false;
    for (const id of here) if (!stay.has(id)) made.removes.push({ parentId: node.id, id });
    let after: number | null = null;
    for (let at = wanted.length - 1; at >= 0; at -= 1) {
      const child = wanted[at] as SnapshotNode;
      const how = stay.get(child.id);
      if (!how) put(node.id, after, child);
      else if (!walk(child, how)) return false;
      after = child.id;
    }
    return true;
  };

  const top = kept(from, to);
  return top && walk(to, top) ? made : null;
}

interface Kept {
  was: SnapshotNode;
  /** Attributes to set. */
  set: Record<string, string | null>;
  /** Nothing in it is looked at any further. */
  whole: boolean;
}

const indexes = new WeakMap<SnapshotNode, Map<number, SnapshotNode>>();

function indexed(top: SnapshotNode): Map<number, SnapshotNode> {
  const known = indexes.get(top);
  if (known) return known;
  const made = new Map<number, SnapshotNode>();
  const stack = [top];
  for (let node = stack.pop(); node; node = stack.pop()) {
    made.set(node.id, node);
    if (node.childNodes) stack.push(...node.childNodes);
  }
  indexes.set(top, made);
  return made;
}

const NONE: Record<string, unknown> = {};
const NOTHING_SET: Record<string, string | null> = {};

/** The same names with the same values, none of them an object. */
function sameValues(one: Record<string, unknown>, other: Record<string, unknown>): boolean {
  let names = 0;
  for (const name in one) {
    if (one[name] !== other[name] || !(name in other)) return false;
    names += 1;
  }
  for (const _name in other) names -= 1;
  return names === 0;
}

function isWhole(tag: string): boolean {
  return WHOLE.has(tag) || WHOLE.has(tag.toLowerCase());
}

function hasShadow({ childNodes }: SnapshotNode): boolean {
  if (childNodes) for (const child of childNodes) if (child.isShadow) return true;
  return false;
}

function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other) return false;
  const a = Object.entries(one);
  if (a.length !== Object.keys(other).length) return false;
  return a.every(([name, value]) => same(value, (other as Record<string, unknown>)[name]));
}
