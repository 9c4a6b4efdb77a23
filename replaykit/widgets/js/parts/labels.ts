/**
 * A readable label of rows that a recorder made by itself: the page that was viewed, the element
 * that was clicked or changed. What the tracker called the row stays its name.
 */

import type { Props } from "../protocol.ts";
import { cut, el } from "./dom.ts";

interface Generated {
  names: readonly string[];
  verb: string;
  what: "page" | "element";
}

const GENERATED: readonly Generated[] = [
  {
    names: ["[Amplitude] Page Viewed", "$pageview", "$mp_web_page_view"],
    verb: "Viewed",
    what: "page",
  },
  { names: ["$pageleave", "$mp_page_leave"], verb: "Left", what: "page" },
  {
    names: ["[Amplitude] Element Clicked", "$mp_click", "$autocapture"],
    verb: "Clicked",
    what: "element",
  },
  {
    names: ["[Amplitude] Rage Click", "$rageclick", "$mp_rage_click"],
    verb: "Rage clicked",
    what: "element",
  },
  {
    names: ["[Amplitude] Dead Click", "$dead_click", "$mp_dead_click"],
    verb: "Dead clicked",
    what: "element",
  },
  { names: ["[Amplitude] Element Changed", "$mp_input_change"], verb: "Changed", what: "element" },
  { names: ["[Amplitude] Form Submitted", "$mp_submit"], verb: "Submitted", what: "element" },
];

/** By the field of the page or the element, what trackers call it; the first that is there. */
const TITLES = ["[Amplitude] Page Title", "$title", "title", "current_page_title", "page_title"];
const ADDRESSES = [
  "[Amplitude] Page Path",
  "$pathname",
  "path",
  "current_url_path",
  "[Amplitude] Page URL",
  "$current_url",
  "current_page_url",
  "url",
  "page",
];
const TEXTS = [
  "[Amplitude] Element Text",
  "$el_text",
  "[Amplitude] Element Aria Label",
  "$el_attr__aria-label",
  "$el_attr__name",
  "[Amplitude] Element ID",
  "$el_id",
  "$el_attr__id",
  "[Amplitude] Element Selector",
];
const TAGS = ["[Amplitude] Element Tag", "$el_tag_name", "tag_name"];
const VERBS: Record<string, string> = { change: "Changed", submit: "Submitted" };
const LONGEST = 60;

/** What a row that was made by itself says, or null for a row that somebody named. */
export function generatedLabel(name: string, props: Props): string | null {
  const made = GENERATED.find((one) => one.names.includes(name));
  if (!made) return null;
  if (made.what === "page") {
    const title = first(props, TITLES) ?? first(props, ADDRESSES);
    return title === null ? null : `${made.verb} ${quoted(title)}`;
  }
  const type = name === "$autocapture" ? props.$event_type : undefined;
  const verb = (typeof type === "string" && VERBS[type]) || made.verb;
  const text = first(props, TEXTS);
  const tag = first(props, TAGS)?.toLowerCase() ?? null;
  const page = first(props, TITLES) ?? first(props, ADDRESSES);
  if (text === null && tag === null) return null;
  const element = text === null ? `a ${tag}` : quoted(text);
  return `${verb} ${element}${page === null ? "" : ` on ${quoted(page)}`}`;
}

function first(props: Props, names: readonly string[]): string | null {
  for (const name of names) {
    const value = props[name];
    if (typeof value === "string" && value.trim() !== "") return value.trim();
  }
  return null;
}

/** In quotes and on one line; a long text by its beginning, never within a character. */
function quoted(text: string): string {
  const line = text.replace(/\s+/g, " ");
  const parts = [...new Intl.Segmenter().segment(line)];
  const cut =
    parts.length > LONGEST
      ? `${parts
          .slice(0, LONGEST)
          .map((one) => one.segment)
          .join("")}\u2026`
      : line;
  return `\u201c${cut}\u201d`;
}

/** The cell of a row's name: its label, with the stored name in its title. */
export function named(name: string, label: string | null): HTMLElement {
  if (label === null) return cut(name, "name");
  return el("span", { class: "rk-cut name is-generated", title: `${label} (${name})` }, label);
}
