/** A source that hands the session just fetched to whoever asks for it next. */

import { replayRef } from "../copy.ts";
import type { Source } from "../kernel.ts";
import { capsuleKey, type Reply, type RequestKind, type Requests } from "../protocol.ts";

/**
 * Stream and player both need a session's event offsets: the second to ask gets the first one's
 * reply. Only the latest is kept, and a failure is not.
 */
export function sharing(source: Source): Source {
  let key = "";
  let held: Promise<Reply<"session">> | null = null;
  return {
    keeps: source.keeps,
    link: (replay, t) => source.link?.(replay, t) ?? replayRef(replay, t),
    get: (name) => source.get(name),
    set: (values) => source.set(values),
    put: (values) => source.put(values),
    observe: (name, then, signal) => source.observe(name, then, signal),
    onGone: (then, signal) => source.onGone(then, signal),
    request<K extends RequestKind>(kind: K, params: Requests[K]["params"]): Promise<Reply<K>> {
      if (kind !== "session") return source.request(kind, params);
      const wanted = capsuleKey(kind, params);
      if (held === null || wanted !== key) {
        key = wanted;
        const asked = source.request("session", params as Requests["session"]["params"]);
        held = asked;
        asked.catch(() => {
          if (held === asked) held = null;
        });
      }
      return held as Promise<Reply<K>>;
    },
  };
}
