/** The session replay player, as a part: home, microscope and shared page embed it too. */

import { Clock } from "./clock.ts";
import { copyText, replayRef } from "./copy.ts";
import { RequestError, type Source } from "./kernel.ts";
import { actOnKey, KEY_HELP } from "./keys.ts";
import { createControls } from "./panels/controls.ts";
import { createHead } from "./panels/head.ts";
import { createPanel, type Panel } from "./panels/session-panel.ts";
import { createStage } from "./panels/stage.ts";
import { createStrip, type Strip } from "./panels/strip.ts";
import { createTimeline } from "./panels/timeline.ts";
import { el, setText } from "./parts/dom.ts";
import { elapsed } from "./parts/format.ts";
import type { MarkKind } from "./parts/icons.ts";
import { closePopovers, popover } from "./parts/popover.ts";
import type { Session } from "./protocol.ts";
import { cursorOf, Rows } from "./rows.ts";
import { Segments } from "./segments.ts";
import { Sync } from "./sync.ts";
import { Track } from "./tracks.ts";

export interface PlayerOptions {
  /** The small form beside a stream: no session strip, no event panel, no legend. */
  compact: boolean;
  /** Read and write the player's traits (position, speed, …) on the source. Default: true. */
  synced?: boolean;
  /** Show the source's playlist and open what its traits say, at the position they say. */
  playlist?: boolean;
  /** "Open in the player" of the compact form; the button is left out without it. */
  onExpand?(replay: string, t: number): void;
  /** What copying a link copies; by default the reference that `shop.replay(ref)` reads. */
  link?(replay: string, t: number | null): string;
}

export interface LoadOptions {
  /** The charted point this replay belongs to. */
  point?: string;
  /** Where to start, in milliseconds from the replay's first event. Default: where the point is. */
  at?: number;
  play?: boolean;
}

export interface PlayerChange {
  replay: string;
  t: number;
  time_ms: number;
  playing: boolean;
  /** Row id of the event under the playhead, "" when none. */
  event: string;
}

export interface PlayerHandle {
  node: HTMLElement;
  /** Open a replay; rejects when the source cannot give it (the stage says so too). */
  load(replay: string, options?: LoadOptions): Promise<void>;
  seek(t: number): void;
  play(): void;
  pause(): void;
  /** Position, playing state or current event changed (about 10 times a second while playing). */
  onChange(then: (change: PlayerChange) => void): () => void;
  focus(): void;
  destroy(): void;
}

/** Nothing moves before this: what comes sooner needs no loading state. */
const PATIENCE_MS = 200;
/** Texts and table move this often; the playhead moves with every frame. */
const TEXT_EVERY_MS = 100;
const SAY_EVERY_MS = 1000;
const FRAME_MS = 50;
/** Another view of the same model may be this far off before it is followed. */
const DRIFT_MS = 1500;

export function createPlayer(
  host: HTMLElement,
  source: Source,
  options: PlayerOptions,
): PlayerHandle {
  const stop = new AbortController();
  const { signal } = stop;
  const synced = options.synced !== false;
  const zone = () => source.get("zone") || "UTC";
  const clock = new Clock(() => performance.now());
  const listeners = new Set<(change: PlayerChange) => void>();

  let session: Session | null = null;
  let playable = false;
  let rows: Rows | null = null;
  let cursor = new Track([]);
  let cursorRows: Uint32Array = new Uint32Array();
  let eventId = "";
  let point: string | undefined;
  let token = 0;
  let frame = 0;
  let lastText = Number.NEGATIVE_INFINITY;
  let lastSaid = Number.NEGATIVE_INFINITY;
  let waitingSince: number | null = null;
  let loadingTimer: ReturnType<typeof setTimeout> | undefined;
  let scrubbing: { playing: boolean } | null = null;
  let autoplay = false;
  let gone = false;
  let strip: Strip | null = null;
  let stripCount = 0;

  // ── Parts ────────────────────────────────────────────────────────────────────

  const stage = createStage(
    {
      screen: {
        at: () => {
          painted();
          clock.release();
          run();
        },
        stalled: () => {
          clock.wait();
          run();
        },
        resumed: (t) => {
          clock.seek(t);
          clock.release();
          run();
        },
        failed: (_index, message) => {
          clock.pause();
          painted();
          stage.setState({ kind: "failed", message, gone });
          changed(true);
        },
        loading: (index) => {
          loadingIndex = index;
        },
      },
      onSeek: seek,
      onPlayFrom: (t) => {
        seek(t);
        play();
      },
      onRetry: () => {
        if (session) request();
        else if (wanted) open(wanted.replay, wanted.options);
      },
      onToggle: toggle,
      nextPlayable: () => {
        const next = strip?.neighbour(1) ?? null;
        return next === null ? null : () => open(next, { play: true });
      },
    },
    signal,
  );
  let loadingIndex: number | null = null;
  let wanted: { replay: string; options: LoadOptions } | null = null;

  const timeline = createTimeline({
    compact: options.compact,
    onSeek: scrub,
    onMark(row) {
      const t = Math.max(0, rows?.t[row] ?? 0);
      panel?.select(row);
      seek(t);
    },
    onLegend: (kind, shown) => panel?.setKind(kind, shown),
  });

  const controls = createControls(
    {
      toggle,
      skip: (ms) => seek(clock.position + ms),
      event: stepEvent,
      frame: (by) => {
        pause();
        seek(clock.position + by * FRAME_MS);
      },
      speed: setSpeed,
      skipping: setSkipping,
      link: () => void copyLink(clock.position),
      html: () => void copyHtml(),
      wide: toggleWide,
      full: () => void toggleFull(),
      help: openHelp,
      expand:
        options.compact && options.onExpand
          ? () => {
              if (session) options.onExpand?.(session.replay, clock.position);
            }
          : null,
    },
    options.compact,
  );

  const head = createHead({
    onLink: () => void copyLink(null),
    autoplay: () => (stripCount > 1 ? autoplay : null),
    onAutoplay: (on) => {
      autoplay = on;
    },
    seal: () => stage.screen.seal,
    onOpened: seek,
  });

  const panel: Panel | null = options.compact
    ? null
    : createPanel({
        onSeek: seek,
        onLink: (t) => void copyLink(t),
        onShown: (shown, hidden) => setShown(shown, hidden),
      });

  const live = el("div", { class: "rk-hide", role: "status", "aria-live": "polite" });
  const player = el(
    "section",
    {
      class: options.compact ? "rk-mini" : "rk-player",
      "aria-label": "Session replay",
    },
    options.compact ? null : head.node,
    stage.node,
    panel?.node,
    timeline.node,
    controls.node,
    live,
  );
  const box = el("div", { class: "rk-player-box", tabindex: -1 }, player);
  if (options.compact) box.classList.add("is-compact");
  // Heights stand before any data.
  head.set(null, zone());
  panel?.set(null);
  timeline.set(null, zone());
  controls.setSpeed(clock.speed);
  controls.setSkipping(clock.skipping);
  controls.setTime(0, 0, null, zone());
  controls.setEnabled(false);
  host.append(box);

  // ── Loading ──────────────────────────────────────────────────────────────────

  async function load(replay: string, how: LoadOptions = {}): Promise<void> {
    token += 1;
    const mine = token;
    wanted = { replay, options: how };
    point = how.point;
    clock.pause();
    stage.screen.pause(clock.position);
    patience();
    strip?.setCurrent(replay);
    let next: Session;
    try {
      const reply = await source.request("session", point ? { replay, point } : { replay });
      next = reply.data;
    } catch (error) {
      if (mine === token && !signal.aborted) showFailure(error);
      throw error;
    }
    if (mine !== token || signal.aborted) return;
    show(next, how);
  }

  /** Open from inside: the stage already says what went wrong. */
  function open(replay: string, how: LoadOptions = {}): void {
    load(replay, { ...(point ? { point } : {}), ...how }).catch(() => undefined);
  }

  function show(next: Session, how: LoadOptions): void {
    session = next;
    rows = new Rows(next);
    // `event` is the analytics event under the playhead, whatever the table shows.
    const events = rows.events();
    const found = cursorOf(rows, events);
    cursor = found.track;
    cursorRows = Uint32Array.from(found.at, (position) => events[position] ?? 0);
    clock.load(next.length_ms, [...next.inactive, ...next.gaps]);
    head.set(next, zone());
    stage.set(next, zone());
    timeline.set(rows, zone());
    if (panel) panel.set(rows);
    else setShown(rows.select(new Set(), [], ""), new Set());
    const first = next.segments[0]?.start ?? 0;
    const at = how.at ?? next.opened_t ?? first;
    clock.seek(at);
    controls.setEnabled(true);
    playable = next.segments.length > 0 && next.status !== "expired" && next.status !== "hidden";
    controls.setUnplayable(playable ? null : "Nothing of this recording can be shown");
    if (playable) {
      stage.screen.open(next, new Segments(source, next));
      if (how.play) clock.play();
      request();
    } else painted();
    panel?.resumeFollowing();
    draw(true);
    changed(true);
  }

  function showFailure(error: unknown): void {
    painted();
    const message = error instanceof Error ? error.message : String(error);
    const isGone = error instanceof RequestError && error.code === "kernel_gone";
    if (isGone && session) {
      // The notice says it; what is loaded stays open.
      wanted = { replay: session.replay, options: {} };
      strip?.setCurrent(session.replay);
      return;
    }
    stage.setState({
      kind: "empty",
      title: isGone ? "The kernel is gone" : "This session cannot be opened",
      text: isGone ? "Run the cell again to load it." : message,
    });
  }

  function patience(): void {
    clearTimeout(loadingTimer);
    stage.setBusy(true);
    loadingTimer = setTimeout(() => {
      stage.setState({ kind: "loading", index: loadingIndex });
    }, PATIENCE_MS);
  }

  function painted(): void {
    clearTimeout(loadingTimer);
    loadingTimer = undefined;
    stage.setBusy(false);
    stage.setState({ kind: "page" });
  }

  // ── Clock ────────────────────────────────────────────────────────────────────

  /** Ask the screen for the page of the clock's position. */
  function request(): void {
    if (!playable) return;
    stage.setBusy(true);
    const first = session?.segments[0]?.start ?? 0;
    const t = Math.max(first, clock.position);
    stage.screen.seek({ t, playing: clock.running, speed: clock.speed });
    run();
  }

  function run(): void {
    if (frame === 0 && clock.running) frame = requestAnimationFrame(step);
  }

  function step(): void {
    frame = 0;
    if (signal.aborted) return;
    const tick = clock.tick();
    if (tick.kind === "jump") {
      request();
      draw(true);
    } else if (tick.kind === "end") {
      // The page at the end is the same whether one played or jumped there.
      request();
      draw(true);
      changed(true);
      ended();
      return;
    } else draw(false);
    stage.screen.remember(clock.position);
    buffering();
    run();
  }

  function ended(): void {
    const next = autoplay ? (strip?.neighbour(1) ?? null) : null;
    if (next !== null) open(next, { play: true });
  }

  function buffering(): void {
    if (clock.state !== "waiting") {
      waitingSince = null;
      stage.setBuffering(false);
      return;
    }
    waitingSince ??= performance.now();
    stage.setBuffering(performance.now() - waitingSince > PATIENCE_MS);
  }

  function play(): void {
    if (!session || !playable || clock.running) return;
    const from = clock.position;
    clock.play();
    if (clock.position < from) panel?.resumeFollowing();
    request();
    draw(true);
    changed(true);
  }

  function pause(): void {
    if (!clock.running) return;
    clock.pause();
    stage.screen.pause(clock.position);
    stage.setBuffering(false);
    draw(true);
    changed(true);
  }

  function toggle(): void {
    if (clock.running) pause();
    else play();
  }

  function seek(t: number): void {
    if (!session) return;
    clock.seek(t);
    panel?.resumeFollowing();
    request();
    draw(true);
    changed(true);
  }

  /** Dragging on the timeline: the page follows, and playing goes on when it is let go. */
  function scrub(t: number, final: boolean): void {
    if (!session) return;
    scrubbing ??= { playing: clock.running };
    clock.pause();
    clock.seek(t);
    panel?.resumeFollowing();
    if (final) {
      const { playing } = scrubbing;
      scrubbing = null;
      if (playing && playable) clock.play();
    }
    request();
    draw(true);
    changed(final);
  }

  function stepEvent(by: 1 | -1): void {
    // While playing, "previous" must get past the event that just went by.
    const from = clock.position - (by === -1 && clock.running ? 500 : 0);
    const t = panel ? panel.neighbour(from, by) : neighbour(from, by);
    if (t !== null) seek(t);
  }

  function neighbour(t: number, by: 1 | -1): number | null {
    const found = by === 1 ? cursor.next(t) : cursor.previous(t);
    return found === null ? null : (cursor.times[found] ?? null);
  }

  function setSpeed(speed: number): void {
    clock.setSpeed(speed);
    stage.screen.setSpeed(clock.speed);
    controls.setSpeed(clock.speed);
    if (synced) sync?.now({ speed: clock.speed });
  }

  function setSkipping(on: boolean): void {
    clock.setSkipping(on);
    controls.setSkipping(on);
  }

  // ── Drawing ──────────────────────────────────────────────────────────────────

  function setShown(shown: Uint32Array, hidden: ReadonlySet<MarkKind>): void {
    timeline.setShown(shown, hidden);
    draw(true);
  }

  function draw(all: boolean): void {
    const t = clock.position;
    timeline.move(t);
    const now = performance.now();
    if (!all && now - lastText < TEXT_EVERY_MS) return;
    lastText = now;
    stage.move(t);
    controls.setPlaying(clock.running || scrubbing?.playing === true);
    const start = session?.start_ms ?? null;
    controls.setTime(t, clock.length, start === null ? null : start + t, zone());
    panel?.move(t, clock.running ? true : "reveal");
    const at = cursor.move(t);
    const row = at < 0 ? null : (cursorRows[at] ?? null);
    timeline.setCurrent(panel ? panel.current : row);
    const id = row === null || !rows ? "" : rows.key(row);
    if (id !== eventId) {
      eventId = id;
      say(row);
    }
    if (!all) changed(false);
  }

  function say(row: number | null): void {
    const now = performance.now();
    if (row === null || scrubbing || now - lastSaid < SAY_EVERY_MS) return;
    lastSaid = now;
    const made = rows?.row(row);
    if (made) setText(live, `${made.name} at ${elapsed(made.t)}`);
  }

  function changed(atOnce: boolean): void {
    if (!session) return;
    const t = clock.position;
    const timeMs = Math.round(session.start_ms + t);
    const change: PlayerChange = {
      replay: session.replay,
      t,
      time_ms: timeMs,
      playing: clock.running,
      event: eventId,
    };
    for (const then of listeners) then(change);
    const values = {
      time_ms: Math.round(t),
      playing: clock.running,
      session: session.replay,
      event: eventId,
    };
    if (atOnce) sync?.now(values);
    else sync?.soon(values);
  }

  // ── Traits ───────────────────────────────────────────────────────────────────

  const sync = synced
    ? new Sync(
        source,
        {
          seek(t) {
            if (!session) return;
            const off = Math.abs(t - clock.position);
            if (off < 1 || (clock.running && off < DRIFT_MS * clock.speed)) return;
            seek(t);
          },
          playing: (on) => (on ? play() : pause()),
          speed(speed) {
            if (speed !== clock.speed) setSpeed(speed);
          },
          session(replay) {
            if (replay !== "" && replay !== session?.replay) open(replay);
          },
          replays() {
            if (options.playlist) void openPlaylist();
          },
        },
        signal,
      )
    : null;

  /** What the traits say: a view that the host rebuilt goes on where the last one was. */
  function resume(): void {
    const replay = source.get("session") || source.get("replays")?.[0] || "";
    const t = source.get("time_ms");
    const speed = source.get("speed");
    if (speed > 0) setSpeed(speed);
    point = source.get("point") || undefined;
    void openPlaylist();
    if (replay === "") {
      stage.setState({
        kind: "empty",
        title: "No replays here",
        text: "Nobody in this selection was recorded, or their recordings have expired.",
      });
      return;
    }
    const playing = source.get("playing");
    open(replay, { play: playing, ...(t > 0 ? { at: t } : {}) });
  }

  async function openPlaylist(): Promise<void> {
    let reply: Awaited<ReturnType<typeof source.request<"playlist">>>;
    try {
      reply = await source.request("playlist", point ? { point } : {});
    } catch {
      // The strip is an aid: the replay itself says what is wrong.
      return;
    }
    if (signal.aborted) return;
    const { rows: list, total } = reply.data;
    stripCount = list.length;
    if (list.length < 2) {
      strip?.node.remove();
      strip = null;
      return;
    }
    if (!strip) {
      strip = createStrip((replay) => open(replay, { play: clock.running }));
      player.prepend(strip.node);
    }
    strip.set(list, total, zone());
    strip.setCurrent(session?.replay ?? wanted?.replay ?? null);
  }

  // ── Acts ─────────────────────────────────────────────────────────────────────

  async function copyLink(t: number | null): Promise<void> {
    if (!session) return;
    const { replay } = session;
    const link = options.link?.(replay, t) ?? source.link?.(replay, t) ?? replayRef(replay, t);
    if (await copyText(link, box)) {
      controls.confirm("link");
      setText(live, "Link copied");
    }
  }

  async function copyHtml(): Promise<void> {
    const html = await stage.screen.html();
    if (await copyText(html, box)) {
      controls.confirm("html");
      setText(live, "Page copied as HTML");
    }
  }

  function toggleWide(): void {
    const on = player.classList.toggle("is-wide");
    controls.setWide(on);
  }

  async function toggleFull(): Promise<void> {
    const root = box.getRootNode() as ShadowRoot | Document;
    try {
      if (root.fullscreenElement === box) await document.exitFullscreen();
      else await box.requestFullscreen();
    } catch {
      // Refused by the host: full width is the next best.
      toggleWide();
    }
  }

  function openHelp(anchor: HTMLElement): void {
    const list = el("dl", { class: "rk-keys" });
    for (const [keys, words] of KEY_HELP) {
      const names = el("dt");
      for (const key of keys) names.append(el("kbd", {}, key));
      list.append(names, el("dd", {}, words));
    }
    popover(anchor, list, "Keys")?.node.setAttribute("tabindex", "-1");
  }

  document.addEventListener(
    "fullscreenchange",
    () => {
      const root = box.getRootNode() as ShadowRoot | Document;
      box.classList.toggle("is-full", root.fullscreenElement === box);
    },
    { signal },
  );

  box.addEventListener("keydown", (event) => {
    const acted = actOnKey(event, {
      toggle,
      skip: (ms) => seek(clock.position + ms),
      session: (by) => {
        const next = strip?.neighbour(by) ?? null;
        if (next !== null) open(next, { play: clock.running });
      },
      event: stepEvent,
      frame: (by) => {
        pause();
        seek(clock.position + by * FRAME_MS);
      },
      speed: (by) => setSpeed(clock.stepSpeed(by)),
      skipping: () => setSkipping(!clock.skipping),
      row: (by) => (panel ? panel.step(by) : stepEvent(by)),
      unfold: () => panel?.unfoldCurrent(),
      search: () => panel?.focusSearch(),
      wide: toggleWide,
      full: () => void toggleFull(),
      help: () => openHelp(controls.helpAnchor),
      edge: (end) => seek(end ? clock.length : 0),
      dismiss: () => closePopovers(box.closest(".rk") ?? box) || (panel?.dismiss() ?? false),
    });
    if (!acted) return;
    event.preventDefault();
    event.stopPropagation();
  });

  source.onGone(() => {
    gone = true;
    stage.setGone();
  }, signal);

  if (options.playlist) resume();

  return {
    node: box,
    load,
    seek,
    play,
    pause,
    onChange(then) {
      listeners.add(then);
      return () => listeners.delete(then);
    },
    focus: () => box.focus({ preventScroll: true }),
    destroy() {
      if (signal.aborted) return;
      clearTimeout(loadingTimer);
      cancelAnimationFrame(frame);
      stop.abort();
      panel?.destroy();
      timeline.destroy();
      listeners.clear();
      box.remove();
    },
  };
}
