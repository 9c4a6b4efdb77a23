/** The keys of the player, in one table: what acts, and what the help shows. */

export interface KeyActions {
  toggle(): void;
  skip(ms: number): void;
  session(by: 1 | -1): void;
  event(by: 1 | -1): void;
  frame(by: 1 | -1): void;
  faster(by: 1 | -1): void;
  skipping(): void;
  row(by: 1 | -1): void;
  unfold(): void;
  search(): void;
  note(): void;
  wide(): void;
  full(): void;
  help(): void;
  edge(end: boolean): void;
  dismiss(): boolean;
}

/** For the help: keys and what they do. */
export const KEY_HELP: [string[], string][] = [
  [["space"], "play, pause"],
  [["←", "→"], "10 s"],
  [["shift ←", "shift →"], "session"],
  [["[", "]"], "event"],
  [[",", "."], "frame"],
  [["-", "+"], "speed"],
  [["s"], "skip inactive"],
  [["j", "k"], "row"],
  [["enter"], "expand row"],
  [["/"], "search"],
  [["n"], "note this moment"],
  [["w", "f"], "full width, full screen"],
  [["home", "end"], "start, end"],
  [["?"], "these keys"],
];

const SKIP_MS = 10_000;

/** Act on a key; true when it was one of ours. */
export function actOnKey(event: KeyboardEvent, act: KeyActions): boolean {
  if (event.metaKey || event.ctrlKey || event.altKey) return false;
  const target = event.composedPath()[0];
  const typing = target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
  if (typing) return false;
  const pressing = target instanceof HTMLElement && target.closest("button, [role='menu']");
  switch (event.key) {
    case " ":
      // On a focused button space presses the button.
      if (pressing) return false;
      act.toggle();
      return true;
    case "ArrowLeft":
    case "ArrowRight": {
      const by = event.key === "ArrowLeft" ? -1 : 1;
      if (event.shiftKey) act.session(by);
      else act.skip(by * SKIP_MS);
      return true;
    }
    case "ArrowUp":
    case "ArrowDown":
      act.row(event.key === "ArrowUp" ? -1 : 1);
      return true;
    case "Enter":
      if (pressing) return false;
      act.unfold();
      return true;
    case "Home":
    case "End":
      act.edge(event.key === "End");
      return true;
    case "Escape":
      return act.dismiss();
  }
  const plain: Record<string, () => void> = {
    "[": () => act.event(-1),
    "]": () => act.event(1),
    ",": () => act.frame(-1),
    ".": () => act.frame(1),
    "-": () => act.faster(-1),
    "+": () => act.faster(1),
    "=": () => act.faster(1),
    s: act.skipping,
    j: () => act.row(1),
    k: () => act.row(-1),
    "/": act.search,
    n: act.note,
    w: act.wide,
    f: act.full,
    "?": act.help,
  };
  const run = plain[event.key];
  run?.();
  return run !== undefined;
}
