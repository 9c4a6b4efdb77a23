/** The session replay player, as a part: home, microscope and shared page embed it too. */

import { replayRef } from "./copy.ts";
import type { Source } from "./kernel.ts";
import { actOnKey } from "./keys.ts";
import { createControls } from "./panels/controls.ts";
import { createHead } from "./panels/head.ts";
import { reportButton } from "./panels/report.ts";
import { createPanel, type Panel } from "./panels/session-panel.ts";
import { createStage } from "./panels/stage.ts";
import { createTimeline } from "./panels/timeline.ts";
import { el, setText } from "./parts/dom.ts";
import type { MarkKind } from "./parts/icons.ts";
import { createActions } from "./player/actions.ts";
import { createActs } from "./player/acts.ts";
import { createCurrent } from "./player/current.ts";
import { failedState, isKernelGone } from "./player/failed.ts";
import { createFirst } from "./player/first.ts";
import { createFollowing } from "./player/following.ts";
import type { LoadOptions, PlayerChange, PlayerHandle, PlayerOptions } from "./player/handle.ts";
import { createLookUp } from "./player/look-up.ts";
import { createPatience } from "./player/patience.ts";
import { createPicker } from "./player/picker.ts";
import { createPlayback, isPlayable, UNPLAYABLE, type When } from "./player/playback.ts";
import { createPlaylist } from "./player/playlist.ts";
import { remembered, syncTraits } from "./player/traits.ts";
import type { Note, Session, Span } from "./protocol.ts";
import { Rows } from "./rows.ts";
import { Segments } from "./segments.ts";
import { longerThan } from "./tracks.ts";

export type { LoadOptions, PlayerChange, PlayerHandle, PlayerOptions } from "./player/handle.ts";

/** Texts and table move this often; the playhead moves with every frame. */
const TEXT_EVERY_MS = 100;

export function createPlayer(
  host: HTMLElement,
  source: Source,
  options: PlayerOptions,
): PlayerHandle {
  const stop = new AbortController();
  const { signal } = stop;
  const synced = options.synced !== false;
  const zone = () => source.get("zone") || "UTC";
  const listeners = new Set<(change: PlayerChange) => void>();

  let session: Session | null = null;
  let rows: Rows | null = null;
  let point: string | undefined;
  let token = 0;
  let lastText = Number.NEGATIVE_INFINITY;
  let wanted: { replay: string; options: LoadOptions } | null = null;
  let gone = false;

  const live = el("div", { class: "rk-hide", role: "status", "aria-live": "polite" });
  const current = createCurrent(live);
  const first = createFirst(signal);

  // ── Parts ────────────────────────────────────────────────────────────────────

  const stage = createStage(
    {
      screen: {
        at: () => {
          patience.end();
          playback.release();
          first.painted();
        },
        stalled: () => playback.stalled(),
        resumed: (t) => playback.resumed(t),
        failed: (_index, message) => {
          clock.pause();
          patience.end();
          first.now();
          stage.setState({ kind: "failed", message, gone });
          changed("now");
        },
        loading: (index) => patience.segment(index),
      },
      onSeek: (t) => playback.seek(t),
      onPlayFrom: (t) => {
        playback.seek(t);
        playback.play();
      },
      onRetry: () => {
        if (session) playback.request();
        else if (wanted) open(wanted.replay, wanted.options);
      },
      onToggle: () => playback.toggle(),
      report: (replay, off) =>
        reportButton(source, replay, off ?? source.off?.("anatomy") ?? null, playback.seek),
      playable: (by) => {
        const next = playlist.neighbour(by);
        return next === null ? null : () => open(next, { play: true });
      },
    },
    signal,
  );

  const patience = createPatience(stage, signal);
  const playback = createPlayback(
    stage,
    {
      draw,
      changed,
      moved: () => panel?.resumeFollowing(),
      ended() {
        const next = playlist.autoplay ? playlist.neighbour(1) : null;
        if (next !== null) open(next, { play: true });
      },
      caughtUp: () => following.show(),
    },
    signal,
  );
  const { clock, seek, play, pause } = playback;

  const timeline = createTimeline({
    compact: options.compact,
    onSeek: playback.scrub,
    onMark(row) {
      const t = Math.max(0, rows?.t[row] ?? 0);
      panel?.select(row);
      seek(t);
    },
    onLegend: (kind, shown) => panel?.setKind(kind, shown),
  });

  const act = createActions(() => ({ box, stage, playlist, panel, controls, acts, picker }), {
    playback,
    open,
    stepEvent,
    setSpeed,
    copyLink,
    expand:
      options.compact && options.onExpand
        ? () => {
            if (session) options.onExpand?.(session.replay, clock.position);
          }
        : null,
  });
  const controls = createControls(act, options.compact);

  const head = createHead({
    onLink: () => copyLink(null),
    onLookUp: options.person ? (user) => lookUp?.open(user) : null,
    lookUpOff: () => source.off?.("person") ?? null,
    autoplay: () => playlist.autoplay,
    onAutoplay: (on) => playlist.setAutoplay(on),
    inactiveMs: () => source.get("inactive_ms"),
    onInactive(ms) {
      source.set({ inactive_ms: ms });
      setInactive();
    },
    seal: () => stage.screen.seal,
    onOpened: seek,
    following: () => following.state,
    onFollow: (on) => following.choose(on),
  });

  const keptNotes = {
    onSeek: seek,
    at: () => clock.position,
    get: () => source.get("note_list"),
    set: (notes: Note[]) => source.set({ note_list: notes }),
  };
  // Notes belong to a player that Python holds, not to one that opened inside another widget.
  const kept = synced && source.keeps && source.get("kind") === "player";
  const panel: Panel | null = options.compact
    ? null
    : createPanel({
        onSeek: seek,
        onLink: copyLink,
        onShown: setShown,
        notes: kept ? keptNotes : null,
      });

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
  const acts = createActs(box, player, controls, (text) => setText(live, text), signal);
  const picker = createPicker(stage.screen, {
    picked: (selector) => void acts.copy("html", selector, `Selector copied: ${selector}`),
    say: (text) => setText(live, text),
  });
  const lookUp = options.person ? createLookUp(box, source, options.person) : null;
  const playlist = createPlaylist(
    source,
    zone,
    (strip) => player.prepend(strip),
    (replay) => open(replay, { play: clock.running }),
    signal,
  );
  const following = createFollowing(
    source,
    { clock, controls, stage, session: () => session, point: () => point, grown },
    signal,
  );
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
    lookUp?.close();
    const asked = { ...how };
    wanted = { replay, options: asked };
    point = how.point;
    clock.pause();
    stage.screen.pause(clock.position);
    picker.stop();
    patience.begin();
    playlist.setCurrent(replay);
    let next: Session;
    try {
      const reply = await source.request("session", point ? { replay, point } : { replay });
      next = reply.data;
    } catch (error) {
      if (mine === token && !signal.aborted) showFailure(error);
      throw error;
    }
    // The host puts the player into its page first, so that the frame boots meanwhile.
    if (!session) await new Promise((then) => setTimeout(then));
    if (mine !== token || signal.aborted) return;
    show(next, asked);
  }

  /** Open from inside: the stage already says what went wrong. */
  function open(replay: string, how: LoadOptions = {}): void {
    load(replay, { ...(point ? { point } : {}), ...how }).catch(() => undefined);
  }

  function show(next: Session, how: LoadOptions): void {
    const opening = session === null;
    session = next;
    rows = new Rows(next);
    const playable = isPlayable(next);
    current.set(rows);
    clock.load(next.length_ms);
    head.set(next, zone());
    stage.set(next, zone());
    timeline.set(rows, zone());
    setInactive();
    first.defer(list);
    if (!opening) first.now();
    controls.setEnabled(true);
    controls.setUnplayable(playable ? null : UNPLAYABLE);
    if (playable) stage.screen.open(next, new Segments(source, next, true));
    const at = how.at ?? next.opened_t ?? next.segments[0]?.start ?? 0;
    playback.open(next, playable, at, how.play ?? false);
    if (!playable) {
      patience.end();
      first.now();
    }
    panel?.resumeFollowing();
    draw(true);
    changed("now");
  }

  /** The rows of the session: the panel draws them, and the timeline what the panel shows. */
  function list(): void {
    if (!rows) return;
    if (panel) panel.set(rows);
    else setShown(rows.select(new Set(), [], ""), new Set());
  }

  /** The session on screen has more now: nothing that is looked at moves. */
  function grown(next: Session): void {
    session = next;
    rows = new Rows(next);
    const playable = isPlayable(next);
    first.now();
    const { current: row } = panel ?? { current: null };
    current.set(rows);
    head.set(next, zone());
    stage.grow(next);
    timeline.set(rows, zone());
    list();
    controls.setUnplayable(playable ? null : UNPLAYABLE);
    const inactive = setInactive();
    if (playable && playback.playable) stage.screen.extend(next, new Segments(source, next, true));
    else if (playable) stage.screen.open(next, new Segments(source, next, true));
    playback.extend(next, playable, [...inactive, ...next.gaps]);
    if (row !== null && !clock.running) panel?.select(row);
    draw(true);
  }

  /** Bands of the timeline and what playing jumps over: one threshold for both. */
  function setInactive(): Span[] {
    if (!session) return [];
    const inactive = longerThan(session.inactive, source.get("inactive_ms") ?? 0);
    clock.setSkips([...inactive, ...session.gaps]);
    timeline.setInactive(inactive);
    return inactive;
  }

  function showFailure(error: unknown): void {
    patience.end();
    if (isKernelGone(error) && session) {
      // The notice says it; what is loaded stays open.
      wanted = { replay: session.replay, options: {} };
      playlist.setCurrent(session.replay);
    } else stage.setState(failedState(error));
  }

  function stepEvent(by: 1 | -1): void {
    // While playing, "previous" must get past the event that just went by.
    const from = clock.position - (by === -1 && clock.running ? 500 : 0);
    const t = (panel ?? current).neighbour(from, by);
    if (t !== null) seek(t);
  }

  function setSpeed(speed: number): void {
    clock.setSpeed(speed);
    stage.screen.setSpeed(clock.speed);
    controls.setSpeed(clock.speed);
    if (synced) sync?.now({ speed: clock.speed });
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
    controls.setPlaying(clock.running || playback.scrubbing);
    const start = session?.start_ms ?? null;
    controls.setTime(t, clock.length, start === null ? null : start + t, zone());
    panel?.move(t, clock.running ? true : "reveal");
    const row = current.move(t, playback.scrubbing);
    timeline.setCurrent(panel ? panel.current : row);
    if (following.state.on) following.show();
    if (!all) changed("soon");
  }

  function changed(when: When): void {
    if (!session) return;
    const t = clock.position;
    const timeMs = Math.round(session.start_ms + t);
    const change: PlayerChange = {
      replay: session.replay,
      t,
      time_ms: timeMs,
      playing: clock.running,
      event: current.id,
    };
    for (const then of listeners) then(change);
    sync?.[when]({
      // Not rounded up: Python finds the same event under the playhead.
      time_ms: Math.floor(t),
      playing: clock.running,
      session: session.replay,
      event: current.id,
    });
  }

  // ── Traits ───────────────────────────────────────────────────────────────────

  const sync = synced
    ? syncTraits(
        source,
        {
          playback,
          shown: () => session?.replay ?? null,
          wanted: () => wanted,
          open,
          setSpeed,
          replays() {
            if (options.playlist) void listed();
          },
          inactive: () => void setInactive(),
          follow: following.set,
          notes: () => panel?.refreshNotes(),
        },
        signal,
      )
    : null;

  async function listed(): Promise<void> {
    await playlist.open(point);
    stage.refresh();
  }

  /** What the traits say: a view that the host rebuilt goes on where the last one was. */
  function resume(): void {
    const speed = source.get("speed");
    if (speed > 0) setSpeed(speed);
    point = source.get("point") || undefined;
    const last = remembered(source, stage);
    if (last) open(last.replay, last.options);
    // What else there is to watch comes second.
    void listed();
  }

  function copyLink(t: number | null): void {
    if (!session) return;
    const { replay } = session;
    const link = options.link?.(replay, t) ?? source.link?.(replay, t) ?? replayRef(replay, t);
    void acts.copy("link", link);
  }

  // Whoever is that quick finds everything in its place.
  for (const type of ["keydown", "pointerdown"]) {
    box.addEventListener(type, first.now, { capture: true, signal });
  }
  box.addEventListener("keydown", (event) => {
    if (!actOnKey(event, act)) return;
    event.preventDefault();
    event.stopPropagation();
  });

  source.onGone(() => {
    gone = true;
    stage.setGone();
    following.stop("The kernel is gone: run the cell again to follow on");
  }, signal);

  if (source.get("follow") && following.state.off === null) following.set(true);
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
      stop.abort();
      lookUp?.close();
      panel?.destroy();
      timeline.destroy();
      listeners.clear();
      box.remove();
    },
  };
}
