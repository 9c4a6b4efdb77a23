/** What a recording did to its page since a keyframe, kept as short as it can be. */

import type { Touched } from "./difference.ts";

interface Incremental {
  source: number;
  id?: number;
  styleId?: number;
  isAttachIframe?: boolean;
  attributes?: { id: number; attributes: Record<string, unknown> }[];
  texts?: { id: number }[];
  adds?: { node: { type: number; tagName?: string } }[];
}

const SOURCE = { mutation: 0, scroll: 3, input: 5, media: 7, rule: 8, canvas: 9 } as const;
const FONT = 10;
const DECLARATION = 13;
const ADOPTED = 15;
/** More changes than this, and building anew is as quick. */
const MOST = 20_000;

export class Changes implements Touched {
  readonly attributes = new Map<number, Set<string>>();
  readonly texts = new Set<number>();
  readonly state = new Set<number>();
  /** Scrolled, so to be put back. */
  readonly scrolled = new Set<number>();
  beyond = false;

  clear(): void {
    for (const part of [this.attributes, this.texts, this.state, this.scrolled]) part.clear();
    this.beyond = false;
  }

  note(event: { type: number; data: unknown }): void {
    if (event.type !== 3 || this.beyond) return;
    const data = event.data as Incremental;
    const { source, id = -1 } = data;
    if (source === SOURCE.mutation) this.#mutation(data);
    else if (source === SOURCE.scroll) this.scrolled.add(id);
    else if (source === SOURCE.input || source === SOURCE.media || source === SOURCE.canvas) {
      this.state.add(id);
    } else if (source === SOURCE.rule || source === DECLARATION) {
      if (data.styleId) this.beyond = true;
      this.state.add(id);
    } else if (source === FONT || source === ADOPTED) this.beyond = true;
    if (this.attributes.size + this.texts.size > MOST) this.beyond = true;
  }

  #mutation(data: Incremental): void {
    if (data.isAttachIframe) this.beyond = true;
    for (const { id, attributes } of data.attributes ?? []) {
      let names = this.attributes.get(id);
      if (!names) {
        names = new Set();
        this.attributes.set(id, names);
      }
      for (const name of Object.keys(attributes)) names.add(name);
    }
    for (const { id } of data.texts ?? []) this.texts.add(id);
  }
}
