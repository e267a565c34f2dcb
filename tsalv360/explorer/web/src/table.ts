// The table of videos of the index: searched, filtered and sorted, with the events that were found under their videos.

import { clock, make, number, pageData } from "./dom";
import { controlsOf } from "./table_controls";
import { Columns, TableEvent, TableVideo, foldsOf, videosOf } from "./table_data";
import { Shown, State, choose, foldOf, sortOf, termsOf } from "./table_filter";
import { themeButton, switchTheme } from "./theme";

const CHUNK = 50; // rows and hits that are added at once, when the last ones come into sight
const FEW_HITS = 6;
const HASH_DELAY_MS = 200; // browsers refuse an address that changes at every key

interface Column {
  name: string;
  title: string;
  hint?: string;
  isNumber?: boolean;
  isKnown?: (video: TableVideo) => boolean; // the column is left out where no video has it
  cell: (video: TableVideo, state: State) => Node | string;
}

const COLUMNS: Column[] = [
  { name: "id", title: "Video", cell: (video) => make("a", { href: page(video.id) }, video.id) },
  { name: "source", title: "Source", cell: (video) => video.source },
  { name: "split", title: "Split", isKnown: (video) => video.parts.length > 0, cell: (video, state) => video.parts[foldOf(state, video)] || "–" },
  { name: "duration", title: "Length", isNumber: true, cell: (video) => (video.duration_s < 60 ? `${clock(video.duration_s)} s` : clock(Math.round(video.duration_s), 0)) },
  { name: "observers", title: "Observers", isNumber: true, cell: (video) => number(video.nObservers, 0) },
  { name: "events", title: "Events", hint: "in the dataset, of those found", isNumber: true, cell: eventsCell },
  { name: "confidence", title: "Confidence", hint: "median of the events", isNumber: true, cell: (video) => number(video.confidence, 2) },
  { name: "verdicts", title: "Verdicts", isKnown: (video) => video.verdicts[0] + video.verdicts[1] + video.verdicts[2] > 0, cell: verdicts },
  { name: "flags", title: "Flags", isNumber: true, isKnown: (video) => video.nFlags > 0, cell: (video) => String(video.nFlags || "–") },
  { name: "gaze", title: "Gaze", isKnown: (video) => video.doubtful, cell: (video) => (video.doubtful ? make("span", { class: "doubt" }, "doubtful") : "") },
  { name: "f1", title: "F1", hint: "against the known events", isNumber: true, isKnown: (video) => video.f1 !== null, cell: (video) => number(video.f1, 2) },
];

/** Fills the section of the table, and lets the address say what is searched. */
export function showTable(): void {
  document.querySelector("header .top")?.append(themeButton());
  const section = document.getElementById("table");
  if (!section) return;
  const data = pageData<Columns>();
  const table = new Table(data);
  section.append(table.element);
  addEventListener("hashchange", () => table.restore());
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).closest("input, select")) return;
    if (event.key === "l") switchTheme();
    else if (event.key === "/") table.search.focus();
    else return;
    event.preventDefault();
  });
  if (table.restore()) section.scrollIntoView({ behavior: "instant" });
  else document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" }); // the table moved it
}

class Table {
  readonly element: HTMLElement;
  readonly search: HTMLInputElement;
  private readonly videos: TableVideo[];
  private readonly columns: Column[];
  private readonly controls: Map<string, HTMLInputElement | HTMLSelectElement>;
  private readonly filters: HTMLDetailsElement;
  private readonly heads: HTMLTableCellElement[];
  private readonly body = make("tbody");
  private readonly count = make("p", { role: "status", class: "count" });
  private readonly resetButton: HTMLButtonElement;
  private readonly box: HTMLElement;
  private readonly none: HTMLElement;
  private readonly end = make("div", { class: "end" });
  private readonly nEvents: number;
  private readonly ofFold: boolean;
  private state: State = {};
  private shown: Shown[] = [];
  private nRows = 0;
  private timer = 0;

  constructor(data: Columns) {
    this.videos = videosOf(data);
    this.nEvents = data.events.video.length;
    this.ofFold = foldsOf(data) > 1;
    this.columns = COLUMNS.filter(({ isKnown }) => !isKnown || this.videos.some(isKnown));
    const { controls, search, filters, more } = controlsOf(data, this.videos);
    this.controls = controls;
    this.filters = more;
    this.search = search;
    this.heads = this.columns.map((column) => this.head(column));
    this.resetButton = this.reset();
    this.none = make("p", { class: "none" }, "No video or event fits all of this. ", this.reset());
    const head = make("thead", {}, make("tr", {}, ...this.heads));
    const table = make("table", { class: "videos", "aria-label": "Videos" }, head, this.body);
    this.box = make("div", { class: "box", tabindex: 0, role: "region", "aria-label": "Table of videos" }, table, this.end);
    const line = make("div", { class: "line" }, this.count, this.resetButton);
    this.element = make("div", { class: "panel finder" }, filters, line, this.none, this.box);
    for (const control of controls.values()) control.addEventListener(control instanceof HTMLSelectElement ? "change" : "input", () => this.change());
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.more(), { root: this.box, rootMargin: "600px" }).observe(this.end);
    this.update();
  }

  /** Takes over what the address says; returns whether it says anything. A plain anchor changes nothing. */
  restore(): boolean {
    const hash = location.hash.slice(1);
    if (hash && !hash.includes("=")) return false;
    clearTimeout(this.timer);
    this.state = Object.fromEntries([...new URLSearchParams(hash)].filter(([, value]) => value));
    for (const [name, control] of this.controls) {
      control.value = this.state[name] ?? "";
      if (control instanceof HTMLSelectElement && control.selectedIndex < 0) control.value = "";
    }
    this.read();
    this.update();
    if (Object.keys(this.state).some((key) => key !== "q" && key !== "sort")) this.filters.open = true;
    return Object.keys(this.state).length > 0;
  }

  private read(): void {
    const { name, down } = sortOf(this.state);
    this.state = name ? { sort: (down ? "-" : "") + name } : {};
    for (const [key, control] of this.controls) if (control.value) this.state[key] = control.value;
  }

  private change(): void {
    this.read();
    this.update();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const hash = new URLSearchParams(this.state).toString();
      if (hash || location.hash.includes("=")) history.replaceState(null, "", hash ? `#${hash}` : location.href.split("#")[0]);
    }, HASH_DELAY_MS);
  }

  private reset(): HTMLButtonElement {
    const click = () => {
      for (const control of this.controls.values()) control.value = "";
      this.state = {};
      this.change();
      this.search.focus({ preventScroll: true }); // the button that had it is gone
    };
    return make("button", { type: "button", class: "reset", click }, "Reset");
  }

  private head(column: Column): HTMLTableCellElement {
    const click = () => {
      const { name, down } = sortOf(this.state);
      if (name !== column.name) this.state.sort = column.name;
      else if (!down) this.state.sort = `-${column.name}`;
      else delete this.state.sort;
      this.change();
    };
    const button = make("button", { type: "button", class: "quiet", title: column.hint, click }, column.title);
    return make("th", { scope: "col", class: column.isNumber ? "n" : null, "data-name": column.name }, button);
  }

  private update(): void {
    this.shown = choose(this.videos, this.state);
    this.body.replaceChildren();
    this.nRows = 0;
    this.box.scrollTop = 0;
    this.more();
    const { name, down } = sortOf(this.state);
    this.columns.forEach((column, k) => {
      if (column.name === name) this.heads[k].setAttribute("aria-sort", down ? "descending" : "ascending");
      else this.heads[k].removeAttribute("aria-sort");
      if (column.name === "split" && this.ofFold) this.heads[k].firstChild!.textContent = `Split, fold ${Number(this.state.fold) || 0}`;
    });
    const nEvents = this.shown.reduce((sum, one) => sum + (one.hits.length || one.video.events.length), 0);
    this.count.textContent = `${of(this.shown.length, this.videos.length, "video")}, ${of(nEvents, this.nEvents, "event")}`;
    this.resetButton.hidden = !Object.keys(this.state).length || !this.shown.length;
    this.none.hidden = this.shown.length > 0;
    this.box.hidden = !this.shown.length;
  }

  private more(): void {
    const next: Shown[] = [];
    for (let lines = 0; lines < CHUNK && this.nRows < this.shown.length; this.nRows++) {
      const one = this.shown[this.nRows];
      lines += 1 + 2 * Math.min(one.hits.length, FEW_HITS);
      next.push(one);
    }
    const marked = pattern(termsOf(this.state));
    this.body.append(...next.flatMap((one) => this.rows(one, marked)));
    this.end.hidden = this.nRows === this.shown.length;
  }

  private rows({ video, hits }: Shown, marked: RegExp | null): HTMLTableRowElement[] {
    const cells = this.columns.map((column) =>
      column.name === "id"
        ? make("th", { scope: "row" }, column.cell(video, this.state))
        : make("td", { class: column.isNumber ? "n" : null }, column.cell(video, this.state)),
    );
    const row = make("tr", { class: hits.length ? "open" : null }, ...cells);
    if (!hits.length) return [row];
    const list = make("ul", { class: "hits" }, ...hits.slice(0, FEW_HITS).map((event) => hit(video, event, marked)));
    if (hits.length > FEW_HITS) {
      const click = () => {
        rest.replaceWith(...hits.slice(FEW_HITS).map((event) => hit(video, event, marked)));
        list.querySelectorAll("a")[FEW_HITS].focus();
      };
      const rest = make("li", {}, make("button", { type: "button", click }, `${hits.length - FEW_HITS} more events`));
      list.append(rest);
    }
    return [row, make("tr", { class: "found" }, make("td", { colspan: this.columns.length }, list))];
  }
}

function page(video: string): string {
  return `videos/${encodeURIComponent(video)}.html`;
}

function eventsCell(video: TableVideo): Node | string {
  if (video.nInDataset === video.nEvents) return String(video.nEvents);
  return make("span", {}, `${video.nInDataset} `, make("span", { class: "soft" }, `of ${video.nEvents}`));
}

function verdicts(video: TableVideo): string {
  const [accept, edit, reject] = video.verdicts;
  const named: [number, string][] = [[accept, "accepted"], [edit, "edited"], [reject, "rejected"]];
  return named.filter(([n]) => n).map(([n, name]) => `${n} ${name}`).join(", ") || "–";
}

function hit(video: TableVideo, event: TableEvent, marked: RegExp | null): HTMLLIElement {
  const caption = event.caption === null ? [make("span", { class: "soft" }, "no caption")] : withMarks(event.caption, marked);
  const said = [
    `${clock(event.start_s)} to ${clock(event.end_s)}${event.end_s < 60 ? " s" : ""}`,
    `confidence ${number(event.confidence, 2)}`,
    { none: "", accept: "accepted", edit: "edited", reject: "rejected" }[event.verdict],
    event.leftOut && event.leftOut !== "rejected" ? `left out: ${event.leftOut}` : "",
    ...event.flags,
  ];
  return make(
    "li", {},
    make("a", { href: `${page(video.id)}#event=${encodeURIComponent(event.id)}` }, make("span", { class: "event" }, event.id), " ", make("span", { class: "words" }, ...caption)),
    make("span", { class: "soft small" }, said.filter(Boolean).join(" · ")),
  );
}

function pattern(terms: string[]): RegExp | null {
  const escaped = terms.map((term) => term.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return terms.length ? new RegExp(`(${escaped.sort((a, b) => b.length - a.length).join("|")})`, "iu") : null;
}

/** Returns a text in parts, those that were searched for marked. */
function withMarks(text: string, marked: RegExp | null): (Node | string)[] {
  if (!marked) return [text];
  return text.split(marked).map((part, k) => (k % 2 ? make("mark", {}, part) : part));
}

function of(n: number, all: number, what: string): string {
  const counted = (value: number) => value.toLocaleString("en").replaceAll(",", "\u202f");
  return `${n === all ? "" : `${counted(n)} of `}${counted(all)} ${what}${all === 1 ? "" : "s"}`;
}
