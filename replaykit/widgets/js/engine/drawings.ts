/**
 * Pictures in recorded canvas commands, decoded before the commands are applied. rrweb decodes
 * them as it goes, so that in a jump what was drawn after a picture would lie under it.
 */

import type { Replayer } from "@rrweb/replay";
import { INCREMENTAL, type RecordedEvent, SOURCE_CANVAS } from "./recorded.ts";

/** Segments whose pictures stay decoded. */
const KEPT = 8;

interface Inner {
  canvasEventMap: Map<RecordedEvent, unknown>;
  deserializeAndPreloadCanvasEvents(data: unknown, event: RecordedEvent): Promise<void>;
}

export class Drawings {
  readonly #inner: Inner;
  readonly #ready = new Set<RecordedEvent[]>();

  constructor(replayer: Replayer) {
    this.#inner = replayer as unknown as Inner;
  }

  /** Decode what a segment draws; null when there is nothing to wait for. */
  decode(events: RecordedEvent[]): Promise<unknown> | null {
    if (this.#ready.has(events)) return null;
    const drawn = events.filter(
      ({ type, data }) =>
        type === INCREMENTAL &&
        data.source === SOURCE_CANVAS &&
        JSON.stringify(data).includes('"rr_type"'),
    );
    if (drawn.length === 0) return null;
    this.#ready.add(events);
    if (this.#ready.size > KEPT) this.#forget();
    return Promise.all(
      drawn.map((event) =>
        // A picture that cannot be decoded is one that is not drawn.
        this.#inner.deserializeAndPreloadCanvasEvents(event.data, event).catch(() => undefined),
      ),
    );
  }

  #forget(): void {
    const [oldest = []] = this.#ready;
    this.#ready.delete(oldest);
    for (const event of oldest) this.#inner.canvasEventMap.delete(event);
  }
}
