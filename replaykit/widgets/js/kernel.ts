/**
 * The only file that touches anywidget's `model`. Everything else takes a `Source`, so that the
 * same player runs on a kernel, on a shared page's capsule and in a test page.
 */

import {
  capsuleKey,
  type Reply,
  type ReplyMessage,
  type RequestKind,
  type Requests,
  type TraitName,
  type Traits,
} from "./protocol.ts";

/** What a host gives the widget: requests with replies, and the small synced state. */
export interface Source {
  /** Whether somebody keeps what is written here. */
  readonly keeps: boolean;
  request<K extends RequestKind>(kind: K, params: Requests[K]["params"]): Promise<Reply<K>>;
  get<T extends TraitName>(name: T): Traits[T];
  /** Write traits; all of one call travel together. */
  set(values: Partial<Traits>): void;
  /** Write traits for this side alone; they travel with the next `set`. */
  put(values: Partial<Traits>): void;
  /** Called with values that somebody else wrote (Python, a linked widget), not with our own. */
  observe<T extends TraitName>(
    name: T,
    then: (value: Traits[T]) => void,
    signal: AbortSignal,
  ): void;
  /** Called once when the other side stopped answering; at once if it already has. */
  onGone(then: () => void, signal: AbortSignal): void;
  /** Why a kind of question is never answered here; null when it is. Without it: all are. */
  off?(kind: RequestKind): string | null;
  /** Where a link to a replay leads; without it, links are references for `shop.replay(ref)`. */
  link?(replay: string, t: number | null): string;
}

/** A named failure of a request, with what to do about it. */
export class RequestError extends Error {
  readonly code: string;
  readonly hint: string | null;

  constructor(code: string, message: string, hint: string | null = null) {
    super(message);
    this.name = "RequestError";
    this.code = code;
    this.hint = hint;
  }
}

/** The part of anywidget's model that is used here. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
  on(event: string, then: (...args: never[]) => void): void;
  off(event: string, then: (...args: never[]) => void): void;
  widget_manager?: unknown;
}

interface Waiting {
  settle(reply: { data: unknown; buffers: Uint8Array[] }): void;
  fail(error: RequestError): void;
  timer: ReturnType<typeof setTimeout>;
}

/** A slow question may take a while; a kernel that says nothing for this long is gone. */
const TIMEOUT_MS = 60_000;

/** An answer that came with the widget, before it was asked for. */
interface Opening {
  kind: RequestKind;
  params: object;
  data: unknown;
  buffers?: DataView[];
}

/** A kernel's status in JupyterLab; absent in other hosts. */
interface KernelLike {
  status?: string;
  statusChanged?: Signal<StatusSlot>;
  /** Shut down or changed for another one: its status is not told any more. */
  disposed?: Signal<() => void>;
}

interface Signal<S> {
  connect(slot: S): unknown;
  disconnect(slot: S): unknown;
}

type StatusSlot = (sender: unknown, status: string) => void;

/** After any of these the comm of this widget does not come back. */
const OVER = new Set(["dead", "restarting", "autorestarting", "terminating"]);

/**
 * The request client of one view. Hosts give every view its own proxy of the model, so that the
 * prefix of the ids tells whose reply it is.
 */
export class Kernel implements Source {
  readonly keeps = true;
  readonly #model: Model;
  readonly #waiting = new Map<string, Waiting>();
  readonly #goneListeners = new Set<() => void>();
  readonly #prefix = Math.random().toString(36).slice(2, 8);
  #count = 0;
  #gone = false;
  #writing = false;
  /** Written here and not sent yet, and what was sent last. */
  readonly #unsent = new Map<string, unknown>();
  readonly #sent = new Map<string, unknown>();

  constructor(model: Model, signal: AbortSignal) {
    this.#model = model;
    this.#listen("msg:custom", this.#onMessage as (...args: never[]) => void, signal);
    // JupyterLab fires this when the comm closes; at creation nobody listens yet.
    this.#listen("comm_live_update", () => this.#setGone(), signal);
    this.#watchKernel(signal);
    signal.addEventListener("abort", () => this.#failAll("closed", "The widget was closed."));
  }

  request<K extends RequestKind>(kind: K, params: Requests[K]["params"]): Promise<Reply<K>> {
    const here = this.#opening(kind, params);
    if (here)
      return Promise.resolve({
        data: here.data,
        buffers: (here.buffers ?? []).map(bytesOf),
      } as Reply<K>);
    if (this.#gone) {
      return Promise.reject(goneError());
    }
    this.#count += 1;
    const id = `${this.#prefix}-${this.#count}`;
    return new Promise((resolve, reject) => {
      const late = () => {
        const waiting = this.#waiting.get(id);
        if (waiting && this.#isBusy()) {
          // A long cell runs: it answers afterwards.
          waiting.timer = setTimeout(late, TIMEOUT_MS);
          return;
        }
        this.#waiting.delete(id);
        this.#setGone();
        reject(goneError());
      };
      const timer = setTimeout(late, TIMEOUT_MS);
      this.#waiting.set(id, {
        // The protocol types what each kind answers; a test compares it with the Python side.
        settle: (reply) => resolve(reply as Reply<K>),
        fail: reject,
        timer,
      });
      try {
        this.#model.send({ id, kind, params });
      } catch {
        this.#setGone();
      }
    });
  }

  get<T extends TraitName>(name: T): Traits[T] {
    return this.#model.get(name) as Traits[T];
  }

  put(values: Partial<Traits>): void {
    this.#writing = true;
    for (const [name, value] of Object.entries(values)) {
      if (this.#model.get(name) === value) continue;
      this.#model.set(name, value);
      this.#unsent.set(name, value);
    }
    this.#writing = false;
  }

  set(values: Partial<Traits>): void {
    this.put(values);
    if (this.#unsent.size === 0 || this.#gone) return;
    for (const [name, value] of this.#unsent) this.#sent.set(name, value);
    this.#unsent.clear();
    try {
      this.#model.save_changes();
    } catch {
      this.#setGone();
    }
  }

  observe<T extends TraitName>(
    name: T,
    then: (value: Traits[T]) => void,
    signal: AbortSignal,
  ): void {
    const listener = () => {
      if (this.#writing || this.#isEcho(name)) return;
      this.#unsent.delete(name);
      then(this.get(name));
    };
    this.#listen(`change:${name}`, listener, signal);
  }

  /** Hosts say again what was sent: whoever has gone on here since stays where they are. */
  #isEcho(name: TraitName): boolean {
    if (!this.#unsent.has(name)) return false;
    const ours = this.#unsent.get(name);
    if (this.get(name) === ours) return true;
    if (this.get(name) !== this.#sent.get(name)) return false;
    this.put({ [name]: ours });
    return true;
  }

  onGone(then: () => void, signal: AbortSignal): void {
    if (this.#gone) {
      then();
      return;
    }
    this.#goneListeners.add(then);
    signal.addEventListener("abort", () => this.#goneListeners.delete(then));
  }

  #listen(event: string, then: (...args: never[]) => void, signal: AbortSignal): void {
    this.#model.on(event, then);
    signal.addEventListener("abort", () => this.#model.off(event, then), { once: true });
  }

  readonly #onMessage = (message: ReplyMessage, buffers: DataView[] = []) => {
    const waiting = this.#waiting.get(message?.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if ("error" in message) {
      const { code, message: text, hint } = message.error;
      waiting.fail(new RequestError(code, text, hint ?? null));
      return;
    }
    waiting.settle({ data: message.data, buffers: buffers.map(bytesOf) });
  };

  /** Taken out of the state it came in, so that it is used once and not kept. */
  #opening(kind: RequestKind, params: object): Opening | undefined {
    const all = this.#model.get("_opening") as Opening[] | null | undefined;
    if (!Array.isArray(all) || all.length === 0) return undefined;
    const key = capsuleKey(kind, params);
    const at = all.findIndex((one) => capsuleKey(one.kind, one.params) === key);
    return at < 0 ? undefined : all.splice(at, 1)[0];
  }

  #kernel(): KernelLike | null {
    const manager = this.#model.widget_manager as { kernel?: KernelLike | null } | undefined;
    try {
      return manager?.kernel ?? null;
    } catch {
      return null;
    }
  }

  #isBusy(): boolean {
    return this.#kernel()?.status === "busy";
  }

  #watchKernel(signal: AbortSignal): void {
    const kernel = this.#kernel();
    const slot: StatusSlot = (_sender, status) => {
      if (OVER.has(status)) this.#setGone();
    };
    if (kernel?.status !== undefined) slot(null, kernel.status);
    const over = () => this.#setGone();
    kernel?.statusChanged?.connect(slot);
    kernel?.disposed?.connect(over);
    signal.addEventListener("abort", () => {
      kernel?.statusChanged?.disconnect(slot);
      kernel?.disposed?.disconnect(over);
    });
  }

  #setGone(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#failAll("kernel_gone", "The kernel is gone.");
    for (const listener of this.#goneListeners) listener();
    this.#goneListeners.clear();
  }

  #failAll(code: string, text: string): void {
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.fail(new RequestError(code, text));
    }
    this.#waiting.clear();
  }
}

/** Hosts hand over DataViews into one large frame: keep to the part that is ours. */
function bytesOf(view: ArrayBuffer | DataView): Uint8Array {
  if (view instanceof ArrayBuffer) return new Uint8Array(view);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function goneError(): RequestError {
  return new RequestError(
    "kernel_gone",
    "The kernel is gone.",
    "Run the cell again to ask for more; what is loaded stays.",
  );
}
