/**
 * What rrweb knows of each node, kept at the node. It keeps it in a weak map of all of them, which
 * the browser's collector can only finish with everything else standing still: with some ten
 * thousand nodes that alone is a third of its longest pause.
 */

import type { Replayer } from "@rrweb/replay";

const KEPT = Symbol("rrweb");
const DOCUMENT = 0;

interface Meta {
  type: number;
}

type Keeper = object & { [KEPT]?: Meta };

/** What rrweb's mirror asks of its weak map. */
class Metas {
  readonly #documents = new Set<Keeper>();

  get(node: Keeper): Meta | undefined {
    return node[KEPT];
  }

  has(node: Keeper): boolean {
    return node[KEPT] !== undefined;
  }

  set(node: Keeper, meta: Meta): this {
    node[KEPT] = meta;
    if (meta.type === DOCUMENT) this.#documents.add(node);
    return this;
  }

  /** Of a page that is opened anew, the document itself is all that stays. */
  forget(): void {
    for (const node of this.#documents) delete node[KEPT];
    this.#documents.clear();
  }
}

/** The part of rrweb's mirror that is replaced here. */
export interface Mirrored {
  nodeMetaMap: unknown;
  reset(): void;
}

/** Let a replayer keep what it knows of a node at the node. */
export function keepAtNodes(replayer: Pick<Replayer, "getMirror">): void {
  const mirror = replayer.getMirror() as unknown as Mirrored;
  const metas = new Metas();
  const reset = mirror.reset.bind(mirror);
  mirror.reset = () => {
    reset();
    metas.forget();
    mirror.nodeMetaMap = metas;
  };
  mirror.reset();
}
