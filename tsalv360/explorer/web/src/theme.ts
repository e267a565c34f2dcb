// Light or dark: what the system says, until it is changed here.

import { make } from "./dom";

const KEY = "tsalv360.theme";

function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a browser may refuse it to a page from disk
  }
}

/** Applies the kept choice, if there is one. */
export function applyTheme(): void {
  const theme = kept();
  if (theme) document.documentElement.dataset.theme = theme;
}

/** Changes light to dark and back. */
export function switchTheme(): void {
  const root = document.documentElement;
  const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem(KEY, root.dataset.theme);
  } catch {
    // only until the page is left, then
  }
}

export function themeButton(): HTMLButtonElement {
  return make("button", { type: "button", class: "quiet", title: "Light or dark (l)", "aria-label": "Light or dark", click: switchTheme }, "◐");
}
