/** The contents beside the text: the part being read is marked. */

/** Mark the link of the heading above the reading line, until the signal ends. */
export function followContents(page: Document, signal: AbortSignal): void {
  const links = [...page.querySelectorAll<HTMLAnchorElement>(".rk-toc a[href^='#']")];
  const parts = links.flatMap((link) => {
    const heading = page.getElementById(decodeURIComponent(link.hash.slice(1)));
    return heading ? [{ link, heading }] : [];
  });
  if (parts.length === 0) return;
  let frame = 0;
  const mark = () => {
    frame = 0;
    const tops = parts.map(({ heading }) => heading.getBoundingClientRect().top);
    const current = partAt(tops, innerHeight / 4);
    parts.forEach(({ link }, i) => {
      if (i === current) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    });
  };
  const soon = () => {
    if (frame === 0) frame = requestAnimationFrame(mark);
  };
  addEventListener("scroll", soon, { signal, passive: true });
  addEventListener("resize", soon, { signal });
  soon();
}

/** The last heading at or above the line; the first while none is. */
export function partAt(tops: readonly number[], line: number): number {
  const below = tops.findIndex((top) => top > line);
  if (below < 0) return tops.length - 1;
  return Math.max(0, below - 1);
}
