/** The call that gives the same answer, with a button that copies it. */

import { button, nameButton } from "./parts/buttons.ts";
import { el, fill } from "./parts/dom.ts";

const COPIED_MS = 1500;
/** Strings, numbers and keywords of a Python call; everything else stays plain. */
const TOKEN =
  /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\b(\d[\d_.]*)\b|\b(None|True|False|not|and|or|in)\b/g;

export interface CodeLine {
  node: HTMLElement;
  set(code: string): void;
}

export function codeLine(): CodeLine {
  const pre = el("pre");
  const copy = button({
    label: "Copy the call",
    icon: "copy",
    small: true,
    run: () => {
      const said = (text: string) => {
        nameButton(copy, text);
        setTimeout(() => nameButton(copy, "Copy the call"), COPIED_MS);
      };
      copyText(pre.textContent ?? "", pre).then(
        () => said("Copied"),
        () => said("Select the line to copy it"),
      );
    },
  });
  return {
    node: el("div", { class: "rk-code" }, pre, copy),
    set(code) {
      fill(pre, ...coloured(code));
    },
  };
}

/** Copy text; where the clipboard is closed (an insecure page), select it instead. */
export async function copyText(text: string, shown: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    const range = document.createRange();
    range.selectNodeContents(shown);
    const selection = getSelection();
    selection?.removeAllRanges();
    selection?.addRange(range);
    throw error;
  }
}

/** A Python call as text nodes and coloured spans. */
export function coloured(code: string): (string | HTMLElement)[] {
  const out: (string | HTMLElement)[] = [];
  let end = 0;
  for (const match of code.matchAll(TOKEN)) {
    if (match.index > end) out.push(code.slice(end, match.index));
    const kind = match[1] !== undefined ? "s" : match[2] !== undefined ? "nu" : "k";
    out.push(el("span", { class: kind }, match[0]));
    end = match.index + match[0].length;
  }
  if (end < code.length) out.push(code.slice(end));
  return out;
}
