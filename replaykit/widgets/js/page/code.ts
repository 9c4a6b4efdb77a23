/** Folded code: each block gets a button that copies it. */

import { copyText } from "../copy.ts";
import { button, nameButton } from "../parts/buttons.ts";

const SAID_MS = 1500;

export function addCopyButtons(page: Document): void {
  for (const box of page.querySelectorAll<HTMLElement>(".rk-code")) {
    const source = box.querySelector("pre")?.textContent ?? "";
    const name = "Copy the code";
    const node = button({
      label: name,
      icon: "copy",
      small: true,
      run: async () => {
        const done = await copyText(source, box);
        nameButton(node, done ? "Copied" : "Copying is not allowed here");
        setTimeout(() => nameButton(node, name), SAID_MS);
      },
    });
    box.append(node);
  }
}
