// The search field and the filters of the table; a filter that has nothing to choose from is left out.

import { make } from "./dom";
import { Columns, TableVideo, foldsOf } from "./table_data";
import { exactly } from "./table_filter";

type Control = HTMLInputElement | HTMLSelectElement;
type Choice = [value: string, label: string];

export interface Controls {
  controls: Map<string, Control>; // by the name that the address has for them
  search: HTMLInputElement;
  filters: HTMLElement;
  more: HTMLDetailsElement; // all but the search
}

const WIDE_PX = 640; // a narrow screen has the table before the filters

export function controlsOf(data: Columns, videos: TableVideo[]): Controls {
  const controls = new Map<string, Control>();
  const keep = <One extends Control>(name: string, control: One): One => {
    controls.set(name, control);
    return control;
  };
  const hint = "Video, source or words of a caption";
  const search = keep("q", make("input", { type: "search", placeholder: hint, "aria-label": `Search: ${hint}`, title: "Search (/)", autocomplete: "off", spellcheck: "false" }));

  const select = (name: string, label: string, choices: Choice[], first = "all") => {
    const options = [["", first], ...choices].map(([value, text]) => make("option", { value }, text));
    return make("label", {}, make("span", {}, label), keep(name, make("select", { name }, ...options)));
  };
  const range = (name: string, label: string, step: string, most: string | null) => {
    const input = (end: string, word: string) =>
      keep(`${name}_${end}`, make("input", { type: "number", min: "0", max: most, step, placeholder: word, "aria-label": `${label}, ${word}` }));
    return make("div", { class: "field", role: "group", "aria-label": label }, make("span", {}, label), make("span", { class: "range" }, input("min", "from"), input("max", "to")));
  };

  const texts = (all: string[]): Choice[] => all.map((text) => [exactly(text), text]);
  const reasons = data.reasons.filter(Boolean);
  const folds = Array.from({ length: foldsOf(data) }, (_, fold) => fold);
  const parts = [...new Set(data.splits.map(([, part]) => part))];
  const isJudged = data.events.verdict.some(Boolean);
  const isDoubtful = videos.some((video) => video.doubtful);
  const filters = [
    data.sources.length > 1 && select("source", "Source", data.sources.map((name) => [name, name])),
    folds.length > 1 && select("fold", "Fold", folds.slice(1).map((fold) => [String(fold), String(fold)]), "0"),
    folds.length > 0 && select("split", "Split", [...parts.map((part): Choice => [part, part]), ["none", "in none"]]),
    range("events", "Number of events", "1", null),
    range("confidence", "Confidence of an event", "0.05", "1"),
    isJudged && select("verdict", "Verdict", [["accept", "accepted"], ["edit", "edited"], ["reject", "rejected"], ["none", "not reviewed"]]),
    data.flag_names.length > 0 && select("flag", "Flag", [["any", "any flag"], ...texts(data.flag_names)]),
    reasons.length > 0 && select("reason", "In the dataset", [[exactly(""), "yes"], ["any", "left out"], ...reasons.map((reason): Choice => [exactly(reason), `left out: ${reason}`])]),
    isDoubtful && select("doubtful", "Gaze", [["yes", "doubtful"], ["no", "not doubtful"]]),
  ];
  const more = make("details", { open: innerWidth > WIDE_PX }, make("summary", {}, "Filters"), make("div", { class: "filters" }, ...filters));
  const form = make("form", { role: "search", submit: (event: Event) => event.preventDefault() }, search, more);
  return { controls, search, filters: form, more };
}
