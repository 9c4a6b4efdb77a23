/** Recorded events as rrweb numbers them, and what is set right in them before they are shown. */

import type { Replayer } from "@rrweb/replay";
import { keepDrawing } from "../canvas.ts";

type Events = ConstructorParameters<typeof Replayer>[0];
export type RecordedEvent = Exclude<Events[number], string>;

/** rrweb's numbers that matter here. */
export const META = 4;
export const INCREMENTAL = 3;
export const CUSTOM = 5;
const SOURCE_VIEWPORT = 4;
export const SOURCE_CANVAS = 9;
const SOURCE_FONT = 10;

/** A recording may claim any viewport; what it gets stays within what a browser can lay out. */
const LARGEST_VIEWPORT = 16_384;

/** Keep events within what a browser can show; `inPage` where no sealed frame stands around. */
export function clean(events: RecordedEvent[], inPage: boolean): RecordedEvent[] {
  for (const event of events) {
    if (event.type === META) clampSize(event.data);
    else if (event.type === INCREMENTAL) {
      if (event.data.source === SOURCE_VIEWPORT) clampSize(event.data);
      else if (event.data.source === SOURCE_CANVAS) keepDrawing(event.data);
    }
  }
  if (!inPage) return events;
  // rrweb builds fonts in its own realm, which here is the page: beyond the policy's reach.
  return events.filter((event) => event.type !== INCREMENTAL || event.data.source !== SOURCE_FONT);
}

/** rrweb writes the text of a changed sheet into the snapshot it came from: good for one use. */
export function isWrittenInto(event: RecordedEvent): boolean {
  return (
    event.type === INCREMENTAL &&
    event.data.source === 0 &&
    event.data.attributes.some(({ attributes }) => "_cssText" in attributes)
  );
}

/** A finger, not a mouse. */
export function isTouch({ type, data }: RecordedEvent): boolean {
  if (type !== INCREMENTAL) return false;
  return data.source === 6 || (data.source === 2 && data.type === 7);
}

function clampSize(data: { width: number; height: number }): void {
  const clamp = (value: number) =>
    Math.min(LARGEST_VIEWPORT, Math.max(1, Number.isFinite(value) ? value : 1));
  data.width = clamp(data.width);
  data.height = clamp(data.height);
}
