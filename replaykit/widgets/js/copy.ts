/** Copying text, also where the clipboard API is refused (plain http, some webviews). */

export async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, near);
  }
}

function copyBySelection(text: string, near: HTMLElement): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "rk-hide";
  const focused = (near.getRootNode() as ShadowRoot | Document).activeElement;
  near.append(area);
  area.select();
  let done = false;
  try {
    done = document.execCommand("copy");
  } catch {
    done = false;
  }
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}

/** The reference of a replay at a moment, as `shop.replay(ref)` reads it. */
export function replayRef(replay: string, t: number | null): string {
  const id = encodeURIComponent(replay);
  return t === null ? id : `${id}?t=${Math.round(t)}`;
}
