// One table of keys: what they do, and the help that lists them.

import { make } from "./dom";

export interface Key {
  keys: string[]; // as KeyboardEvent.key has them
  shown?: string; // in the help, in place of all of them
  text: string;
  run: (event: KeyboardEvent) => void;
}

const NAMES: Record<string, string> = { " ": "space", ArrowLeft: "←", ArrowRight: "→" };

/** Listens for the keys, and returns the help. Keys go to fields, buttons and open dialogs first. */
export function listen(keys: Key[]): HTMLDialogElement {
  const rows = keys.map(({ keys: names, shown, text }) => {
    const marks = (shown ? [shown] : names).map((one) => make("kbd", {}, NAMES[one] ?? one));
    return make("div", {}, make("dt", {}, ...marks), make("dd", {}, text));
  });
  const close = make("button", { type: "button", click: () => help.close() }, "close");
  const help = make("dialog", { class: "help", "aria-label": "Keys" }, make("h2", {}, "Keys"), make("dl", {}, ...rows), close);
  help.addEventListener("click", (event) => event.target === help && help.close());
  document.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (target.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea, select")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (target.matches("button, a, summary, input") && (event.key === " " || event.key === "Enter")) return;
    if (target.matches("input") && event.key.startsWith("Arrow")) return;
    const found = keys.find((one) => one.keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found.run(event);
  });
  return help;
}
