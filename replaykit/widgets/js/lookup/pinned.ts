/** Which properties are pinned, by project; this browser remembers them where it may. */

const PLACE = "replaykit pinned ";

export function pinnedOf(project: string): Set<string> {
  try {
    const held: unknown = JSON.parse(localStorage.getItem(PLACE + project) ?? "[]");
    return new Set(Array.isArray(held) ? held.filter((one) => typeof one === "string") : []);
  } catch {
    // A host without storage: pins last as long as the view.
    return new Set();
  }
}

export function keepPinned(project: string, names: ReadonlySet<string>): void {
  try {
    localStorage.setItem(PLACE + project, JSON.stringify([...names]));
  } catch {
    // As above.
  }
}
