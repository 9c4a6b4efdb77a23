/**
 * The large parts of a shared page: deflated, base64, each in an inert block of its own.
 * A block is read when it is wanted, so that a page with many replays opens at once.
 */

export class Blobs {
  readonly #page: ParentNode;
  readonly #values = new Map<string, Promise<unknown>>();

  constructor(page: ParentNode) {
    this.#page = page;
  }

  /** The bytes of a part as they travelled: deflated. */
  bytes(name: string): Uint8Array<ArrayBuffer> {
    const block = this.#page.querySelector(`script[data-rk-blob="${CSS.escape(name)}"]`);
    if (!block) throw new Error(`This page lacks its part ${name}.`);
    return fromBase64(block.textContent ?? "");
  }

  /** A part that is JSON, read once. */
  json(name: string): Promise<unknown> {
    const known = this.#values.get(name);
    if (known) return known;
    const reading = inflate(this.bytes(name)).then((text) => JSON.parse(text) as unknown);
    this.#values.set(name, reading);
    return reading;
  }
}

/** Undo zlib's deflate. */
export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.trim());
  const bytes = new Uint8Array(plain.length);
  for (let i = 0; i < plain.length; i += 1) bytes[i] = plain.charCodeAt(i);
  return bytes;
}
