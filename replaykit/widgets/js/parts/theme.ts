/** Light or dark, as the host says; written on our own root only. */

function hostSays(): "light" | "dark" | null {
  for (const node of [document.body, document.documentElement]) {
    if (!node) continue;
    // JupyterLab and Notebook, then our shared page, then marimo, then VS Code.
    const jupyter = node.dataset.jpThemeLight;
    if (jupyter !== undefined) return jupyter === "true" ? "light" : "dark";
    const named = node.dataset.rkTheme ?? node.dataset.theme;
    if (named === "light" || named === "dark") return named;
    if (node.classList.contains("dark") || node.classList.contains("dark-theme")) return "dark";
    if (node.classList.contains("vscode-dark")) return "dark";
    if (node.classList.contains("light") || node.classList.contains("vscode-light")) return "light";
  }
  return null;
}

/** Keep `data-rk-theme` of a root in step with the host until the signal ends. */
export function followTheme(root: HTMLElement, signal: AbortSignal): void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const theme = hostSays() ?? (media.matches ? "dark" : "light");
    if (root.dataset.rkTheme !== theme) root.dataset.rkTheme = theme;
  };
  const observer = new MutationObserver(apply);
  const watched = {
    attributes: true,
    attributeFilter: ["class", "data-jp-theme-light", "data-theme", "data-rk-theme"],
  };
  observer.observe(document.documentElement, watched);
  if (document.body) observer.observe(document.body, watched);
  media.addEventListener("change", apply, { signal });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  apply();
}
