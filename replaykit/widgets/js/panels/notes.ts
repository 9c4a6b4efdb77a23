/** The Notes tab: what a person writes while watching; Python keeps it (`Player.notes`). */

import { button } from "../parts/buttons.ts";
import { cut, el, setText } from "../parts/dom.ts";
import { elapsed } from "../parts/format.ts";
import type { Note, Session } from "../protocol.ts";
import { type RecordTab, recordTab } from "./records.ts";

export interface NotesSpec {
  onSeek(t: number): void;
  /** Where the playhead is. */
  at(): number;
  get(): readonly Note[];
  set(notes: Note[]): void;
}

export interface Notes {
  tab: RecordTab;
  bar: HTMLElement;
  /** The clock moved: an empty note is one of this moment. */
  move(): void;
  focus(): void;
}

/** Python refuses longer texts. */
const LONGEST = 2000;

export function createNotes(spec: NotesSpec, changed: () => void): Notes {
  let session: Session | null = null;
  /** When the first letter was typed: watching goes on meanwhile. */
  let began: number | null = null;

  const tab = recordTab<Note>(
    {
      label: "Notes",
      cols: "48px minmax(0, 1fr)",
      of: (shown) => ofReplay(spec.get(), shown.replay),
      cells: (note) => [cut(note.text, "name")],
      detail: (note) => ({ note: note.text }),
      acts: (note) => [
        button({ label: "Delete note", kind: "line", small: true, run: () => remove(note) }),
      ],
      bad: () => false,
    },
    spec.onSeek,
  );

  const at = el("span", { class: "rk-note-at", "aria-hidden": "true" }, elapsed(0));
  const input = el("input", {
    placeholder: "Note what you see here",
    "aria-label": "Note what you see at this moment",
    maxlength: String(LONGEST),
    autocomplete: "off",
  });
  const field = el("label", { class: "rk-field" }, at, input, el("kbd", {}, "n"));
  const bar = el("div", { class: "rk-filters" }, field);

  function move(): void {
    setText(at, elapsed(began ?? spec.at()));
  }

  function add(): void {
    const text = input.value.trim();
    if (text === "" || !session) return;
    const t = Math.max(0, Math.floor(began ?? spec.at()));
    spec.set([...spec.get(), { replay: session.replay, t, text }]);
    input.value = "";
    began = null;
    move();
    changed();
  }

  function remove(note: Note): void {
    spec.set(spec.get().filter((one) => one !== note));
    changed();
  }

  input.addEventListener("input", () => {
    if (input.value === "") began = null;
    else began ??= spec.at();
    move();
  });
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    // Enter ends what an input method composes, and is no end of the note then.
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      add();
    } else if (event.key === "Escape" && input.value !== "") {
      input.value = "";
      began = null;
      move();
    } else if (event.key === "Escape" || event.key === "ArrowDown") {
      event.preventDefault();
      tab.table.focus();
    }
  });

  return {
    tab: {
      ...tab,
      set(next) {
        if (next?.replay !== session?.replay) {
          input.value = "";
          began = null;
        }
        session = next;
        tab.set(next);
      },
    },
    bar,
    move,
    focus() {
      move();
      input.focus({ preventScroll: true });
    },
  };
}

/** The notes on one replay in the order of its time; ties as they were written. */
export function ofReplay(notes: readonly Note[], replay: string): Note[] {
  return notes.filter((note) => note.replay === replay).sort((a, b) => a.t - b.t);
}
