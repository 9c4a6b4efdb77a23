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

/** Attributes to set; null takes one away. */
type Values = Record<string, string | null>;

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
  attributes: { id: number; attributes: Values }[];
}

const ELEMENT = 2;
const TEXT = 3;
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
  // What plays comes and goes with whole pages only: rrweb goes on playing what was taken out.
  let unable = false;

  /** What to set on a node that stays on the page; null when it must be built anew. */
  const kept = (was: SnapshotNode | undefined, node: SnapshotNode): Values | null => {
    if (!was || was.type !== node.type || was.tagName !== node.tagName) return null;
    if (node.type === TEXT) return NOTHING;
    if (!was.isSVG !== !node.isSVG || !was.isShadow !== !node.isShadow) return null;
    if (node.type !== ELEMENT) return PARENTS.has(node.type) || same(was, node) ? NOTHING : null;
    if (touched.state.has(node.id)) return null;
    if (isWhole(node.tagName ?? "") || hasShadow(was) || hasShadow(node)) {
      return !isTouched(was) && same(was, node) ? WHOLLY : null;
    }
    return attributesOf(was, node);
  };

  const isTouched = (node: SnapshotNode): boolean => {
    const { id, childNodes = [] } = node;
    if (touched.attributes.has(id) || touched.texts.has(id) || touched.state.has(id)) return true;
    // A style's own text node may be missing from the mirror: then nobody can say.
    if (!standing.holds(id, childNodes)) return true;
    return childNodes.some(isTouched);
  };

  /** What to set on a kept element; null when setting would not do. */
  const attributesOf = (was: SnapshotNode, node: SnapshotNode): Values | null => {
    const old = was.attributes ?? NONE;
    const after = node.attributes ?? NONE;
    const changed = touched.attributes.get(node.id);
    // Of most elements nothing has changed.
    if (!changed && sameValues(old, after)) return NOTHING;
    const set: Values = {};
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
    if (isPlayer(node)) unable = true;
    // rrweb shares the text of a style out among its children where it builds it.
    const texts = isSplit(node) ? (node.childNodes ?? []).map((child) => ({ ...child })) : [];
    made.adds.push({ parentId, nextId, node: { ...node, childNodes: texts } });
    if (isValued(node)) return;
    let after: number | null = null;
    for (const text of [...texts].reverse()) {
      made.adds.push({ parentId: node.id, nextId: after, node: text });
      after = text.id;
    }
    if (texts.length > 0) return;
    // What is in the shadow has neighbours there, and the rest has its own.
    let light: number | null = null;
    let shadow: number | null = null;
    for (const child of [...(node.childNodes ?? [])].reverse()) {
      put(node.id, child.isShadow ? shadow : light, child);
      if (child.isShadow) shadow = child.id;
      else light = child.id;
    }
  };

  const walk = (node: SnapshotNode, was: SnapshotNode, set: Values): boolean => {
    if (node.type === TEXT) {
      const value = node.textContent ?? "";
      if (value !== (was.textContent ?? "") || touched.texts.has(node.id)) {
        made.texts.push({ id: node.id, value });
      }
      return true;
    }
    if (set === WHOLLY || !PARENTS.has(node.type)) return true;
    if (set !== NOTHING && Object.keys(set).length > 0) {
      made.attributes.push({ id: node.id, attributes: set });
    }
    const wanted = node.childNodes ?? [];
    if (!standing.holds(node.id, wanted)) return exchange(node, was, wanted);
    const { removes, adds, texts, attributes } = made;
    const [r, a, t, s] = [removes.length, adds.length, texts.length, attributes.length];
    // From the last to the first, as where some are exchanged.
    for (let at = wanted.length - 1; at >= 0; at -= 1) {
      const child = wanted[at] as SnapshotNode;
      const there = was.childNodes?.[at];
      const how = there?.id === child.id ? kept(there, child) : null;
      if (!there || !how) {
        // What was noted of its children on the way is noted again.
        [removes.length, adds.length, texts.length, attributes.length] = [r, a, t, s];
        return exchange(node, was, wanted);
      }
      if (!walk(child, there, how)) return false;
    }
    return true;
  };

  /** Take out and put in what differs among the children of a node. */
  const exchange = (node: SnapshotNode, was: SnapshotNode, wanted: SnapshotNode[]): boolean => {
    const here = standing.children(node.id);
    if (!here) return false;
    const places = new Map(here.map((id, at) => [id, at]));
    // Kept in place: those that stand here already, in an order that only rises.
    const stay = new Map<number, Values>();
    // What came from elsewhere is built anew.
    const old = new Map(was.childNodes?.map((child) => [child.id, child]));
    let last = -1;
    for (const child of wanted) {
      const place = places.get(child.id) ?? -1;
      const how = place > last ? kept(old.get(child.id), child) : null;
      if (!how) continue;
      stay.set(child.id, how);
      last = place;
    }
    // A document's own parts are not exchanged one by one.
    if (node.type === 0 && (stay.size !== wanted.length || here.length !== wanted.length))
      return false;
    for (const id of here) {
      if (stay.has(id)) continue;
      const gone = old.get(id);
      if (gone && plays(gone)) unable = true;
      made.removes.push({ parentId: node.id, id });
    }
    let after: number | null = null;
    for (let at = wanted.length - 1; at >= 0; at -= 1) {
      const child = wanted[at] as SnapshotNode;
      const how = stay.get(child.id);
      if (!how) put(node.id, after, child);
      else if (!walk(child, old.get(child.id) as SnapshotNode, how)) return false;
      after = child.id;
    }
    return true;
  };

  const top = kept(from, to);
  return top && walk(to, from, top) && !unable ? made : null;
}

const NONE: Record<string, unknown> = {};
const NOTHING: Values = {};
/** And nothing in it is looked at any further. */
const WHOLLY: Values = {};

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

const tags = new Map<string, boolean>();

function isWhole(tag: string): boolean {
  let whole = tags.get(tag);
  if (whole === undefined) {
    whole = WHOLE.has(tag.toLowerCase());
    // A recording may name as many as it likes.
    if (tags.size < 1000) tags.set(tag, whole);
  }
  return whole;
}

/** What rrweb shows of a text area with a value is that, and none of its children. */
function isValued({ tagName, attributes }: SnapshotNode): boolean {
  return tagName === "textarea" && typeof attributes?.value === "string";
}

/** A style whose text stands at itself, for several children to share. */
function isSplit({ tagName, attributes, childNodes }: SnapshotNode): boolean {
  return tagName === "style" && "_cssText" in (attributes ?? NONE) && (childNodes?.length ?? 0) > 1;
}

function isPlayer({ tagName }: SnapshotNode): boolean {
  return tagName === "audio" || tagName === "video";
}

function plays(node: SnapshotNode): boolean {
  return isPlayer(node) || (node.childNodes?.some(plays) ?? false);
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
