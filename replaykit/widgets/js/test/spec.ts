/** Blocks of the copied specification, for tests that share them with the Python side. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../../../../tests/spec/", import.meta.url);

/** The rows of a csv block as objects. */
export function block(file: string, id: string): Record<string, string>[] {
  const text = readFileSync(fileURLToPath(new URL(file, FOLDER)), "utf8");
  const found = new RegExp(`\`\`\`csv id=${id.replaceAll(".", "\\.")}\n([\\s\\S]*?)\`\`\``).exec(
    text,
  );
  if (!found?.[1]) throw new Error(`No block ${id} in ${file}.`);
  const [head = "", ...lines] = found[1].trim().split("\n");
  const names = head.split(",");
  return lines.map((line) => {
    const cells = line.split(",");
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? ""]));
  });
}
