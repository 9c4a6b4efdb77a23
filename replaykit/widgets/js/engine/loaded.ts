/** Segments inside the frame: asked for, inflated, parsed once, the last few kept as they are. */

import { Lru } from "../lru.ts";
import { clean, isWrittenInto, type RecordedEvent } from "./recorded.ts";

const PARSED_SEGMENTS = 6;

interface Waiting {
  resolve(bytes: ArrayBuffer): void;
  reject(error: Error): void;
}

export class Loaded {
  readonly #inPage: boolean;
  readonly #need: (id: number, index: number) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #loading = new Map<number, Promise<RecordedEvent[]>>();
  /** Came before it was asked for. */
  #early: { index: number; bytes: ArrayBuffer } | null = null;
  #parsed = new Lru<number, RecordedEvent[]>(PARSED_SEGMENTS);
  #id = 0;

  /** `need` asks the widget around for the bytes of a segment; they come by `arrived`. */
  constructor(inPage: boolean, need: (id: number, index: number) => void) {
    this.#inPage = inPage;
    this.#need = need;
  }

  /** Another replay: what is on its way for the last one is of no use. */
  open(id: number): void {
    this.#id = id;
    this.#parsed = new Lru(PARSED_SEGMENTS);
    for (const { reject } of this.#waiting.values()) reject(new Error("another replay was opened"));
    this.#waiting.clear();
    this.#loading.clear();
    this.#early = null;
  }

  /** A segment has grown: what is held of it is old. What is still to come is new. */
  drop(index: number): void {
    if (this.#waiting.has(index)) return;
    this.#parsed.delete(index);
    this.#loading.delete(index);
    if (this.#early?.index === index) this.#early = null;
  }

  has(index: number): boolean {
    return this.#parsed.has(index);
  }

  isLoading(index: number): boolean {
    return this.#loading.has(index);
  }

  load(index: number): Promise<RecordedEvent[]> {
    const parsed = this.#parsed.get(index);
    if (parsed) return Promise.resolve(parsed);
    const loading = this.#loading.get(index);
    if (loading) return loading;
    const id = this.#id;
    const made = this.#bytes(index)
      .then(inflate)
      .then((events) => {
        const ready = clean(events, this.#inPage);
        const current = id === this.#id && this.#loading.get(index) === made;
        if (current && !ready.some(isWrittenInto)) this.#parsed.set(index, ready);
        return ready;
      })
      .finally(() => {
        if (this.#loading.get(index) === made) this.#loading.delete(index);
      });
    this.#loading.set(index, made);
    return made;
  }

  arrived(id: number, index: number, bytes: ArrayBuffer | null): void {
    if (id !== this.#id) return;
    const waiting = this.#waiting.get(index);
    this.#waiting.delete(index);
    if (!waiting) this.#early = bytes && { index, bytes };
    else if (bytes) waiting.resolve(bytes);
    else waiting.reject(new Error("the segment could not be loaded"));
  }

  #bytes(index: number): Promise<ArrayBuffer> {
    const early = this.#early;
    this.#early = null;
    if (early?.index === index) return Promise.resolve(early.bytes);
    return new Promise((resolve, reject) => {
      this.#waiting.set(index, { resolve, reject });
      this.#need(this.#id, index);
    });
  }
}

/** Read in one go: a Blob or a Response would go round by other processes and wait in queues. */
async function inflate(bytes: ArrayBuffer): Promise<RecordedEvent[]> {
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  // What is wrong with the bytes is told by the reader.
  const told = () => undefined;
  writer.write(new Uint8Array(bytes)).catch(told);
  writer.close().catch(told);
  const reader = stream.readable.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
  }
  return JSON.parse(text + decoder.decode()) as RecordedEvent[];
}
