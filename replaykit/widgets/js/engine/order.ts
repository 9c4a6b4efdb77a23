/**
 * What a page holds after its body stays there. rrweb takes the body out when it builds a page, and
 * puts it back as the last: behind what scripts had put after it.
 */

import type { Replayer } from "@rrweb/replay";
import type { SnapshotNode } from "../difference.ts";
import type { RecordedEvent } from "./recorded.ts";

const FRAMES = "iframe, frame, object, embed";

export function keepOrder(replayer: Replayer): void {
  replayer.on("fullsnapshot-rebuilded", (built) => {
    const { node } = (built as RecordedEvent).data as unknown as { node: SnapshotNode };
    const html = node.childNodes?.find(({ tagName }) => tagName === "html");
    const children = html?.childNodes ?? [];
    const body = children.findIndex(({ tagName }) => tagName === "body");
    const later = body < 0 ? [] : children.slice(body + 1);
    const page = replayer.iframe.contentDocument?.documentElement;
    for (const { id } of later) {
      const here = replayer.getMirror().getNode(id) as Partial<Element> | null;
      // A frame that is moved would be empty.
      if (here?.parentNode !== page || here?.matches?.(FRAMES) || here?.querySelector?.(FRAMES))
        return;
    }
    for (const { id } of later) page?.append(replayer.getMirror().getNode(id) as Node);
  });
}
