/** What the front end shows as Python or the recorder gave it, and computes nothing of. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { value } from "../parts/format.ts";
import type { Signal } from "../protocol.ts";
import { Rows } from "../rows.ts";
import { session } from "./session.ts";
import { block } from "./spec.ts";

const SOURCES = fileURLToPath(new URL("..", import.meta.url));

function all(rows: Rows) {
  return [...rows.select(new Set(), [], "")].map((row) => rows.row(row));
}

/** Every source of the front end but its tests. */
function* sources(folder = SOURCES): Generator<[path: string, text: string]> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory() && !["node_modules", "test"].includes(entry.name)) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield [path, readFileSync(path, "utf8")];
  }
}

describe("spec/capture.md 7: rep.clicks and rep.rage", () => {
  const clicks = block("capture.md", "rep.clicks");
  const expected = block("capture.md", "rep.rage.expected");
  // As analytics events, in case somebody counted them here.
  const events = {
    id: clicks.map((click) => click.row ?? ""),
    t: clicks.map((click) => Number(click.t_ms)),
    name: clicks.map(() => "Click"),
    props: clicks.map(({ element = "", x, y }) => ({ element, x: Number(x), y: Number(y) })),
    state: clicks.map(() => 0),
    charted: clicks.map(() => 0),
  };

  it("clicks alone are no rage", () => {
    const kinds = all(new Rows(session({ events }))).map((row) => row.kind);
    expect(new Set(kinds)).toEqual(new Set(["event"]));
    expect(kinds).toHaveLength(clicks.length);
  });

  it("a run is one row, at its first click and with the clicks that it was given", () => {
    const marks = expected.map(
      (run): Signal => ({
        t: Number(run.begin_ms),
        kind: "rage",
        label: `Rage click “${run.element}”`,
        count: Number(run.clicks),
      }),
    );
    const shown = all(new Rows(session({ events, marks }))).filter((row) => row.kind === "rage");
    expect(shown.map(({ t, name }) => ({ t, name }))).toEqual(
      marks.map(({ t, label }) => ({ t, name: label })),
    );
    for (const [i, row] of shown.entries()) expect(row.note).toContain(`${marks[i]?.count}`);
  });
});

describe("spec/capture.md 5: rep.mask", () => {
  const elements = block("capture.md", "rep.mask");
  const expected = block("capture.md", "rep.mask.expected");
  const recorded: Record<string, string> = { plain: "Ana 12", masked: "*** **", blocked: "" };

  it.each(["light", "medium", "conservative"])("text is shown as recorded at level %s", (level) => {
    const texts = expected.map((row) => recorded[row[level] ?? ""] ?? "");
    expect(texts).toHaveLength(elements.length);
    expect(texts.map((text) => value(text))).toEqual(texts);
    const events = {
      id: texts.map((_, i) => `${i}`),
      t: texts.map((_, i) => i),
      name: texts,
      props: texts.map((text, i) => ({ ...elements[i], text })),
      state: texts.map(() => 0),
      charted: texts.map(() => 0),
    };
    const rows = all(new Rows(session({ events })));
    expect(rows.map((row) => row.props.text)).toEqual(texts);
  });
});

describe("the front end has no rule of its own", () => {
  const rules: [what: string, words: RegExp][] = [
    ["masking (rep.mask)", /amp-(?:un)?(?:mask|block)|autocomplete.*cc-|conservative/i],
    ["sampling (rep.sample)", /xx-?hash|sample_?rate/i],
    ["rage clicks (rep.rage)", /(?:rage|click)\w*(?:Within|AtLeast|Box|_within|_at_least|_box)/],
  ];
  it.each(rules)("for %s", (_what, words) => {
    const found = [...sources()].filter(([, text]) => words.test(text)).map(([path]) => path);
    expect(found).toEqual([]);
  });
});
