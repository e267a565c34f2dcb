// The time line: events in lanes, known events, dropped candidates on demand, cuts, and where one is.

import { colourOf } from "./colours";
import type { VideoData, VideoEvent } from "./data";
import { clock, make, number } from "./dom";

interface Span {
  start_s: number;
  end_s: number;
}

/** Returns the lane of each span: the lowest in which it touches no span that starts earlier. */
function lanesOf(spans: Span[]): number[] {
  const lane = spans.map(() => 0);
  const ends: number[] = [];
  const order = spans.map((_, k) => k).sort((a, b) => spans[a].start_s - spans[b].start_s || spans[a].end_s - spans[b].end_s);
  for (const k of order) {
    const free = ends.findIndex((end) => end < spans[k].start_s);
    lane[k] = free < 0 ? ends.length : free;
    ends[lane[k]] = spans[k].end_s;
  }
  return lane;
}

/** A row of the time line: its name, and what stands beside it. */
export function row(name: string, kind: string, ...content: Node[]): HTMLElement {
  return make("div", { class: `row ${kind}` }, make("div", { class: "what" }, name), make("div", { class: "lanes" }, ...content));
}

export class Timeline {
  readonly element = make("div", { class: "timeline", role: "group", "aria-label": "Time line" });
  private readonly bars = new Map<string, HTMLElement>();
  private readonly playhead = make("div", { class: "playhead" });
  private readonly droppedRow: HTMLElement | null = null;

  constructor(
    private readonly data: VideoData,
    onEvent: (event: VideoEvent) => void,
    onTime: (time: number) => void,
  ) {
    const { events, known, dropped } = data;
    const axis = this.axis();
    this.element.append(axis);
    if (events.length) this.element.append(this.row(known ? "found" : "events", "events", events, (event) => this.eventBar(event, onEvent)));
    if (known?.length)
      this.element.append(
        this.row("known", "thin", known, (one) => {
          const text = one.found ? `${one.name}, found as ${one.found}` : `${one.name}: missed`;
          const bar = make("div", { class: one.found ? "bar known" : "bar missed", title: text }, make("span", {}, text));
          return withSegments(bar, one, one.segments, one.found ? "#009e73" : "#d55e00");
        }),
      );
    if (dropped.length) {
      this.droppedRow = this.row("dropped", "thin", dropped, (one) => {
        const text = `${one.rule}: ${one.reason} (${one.n_observers} observers, ${clock(one.start_s)} to ${clock(one.end_s)} s)`;
        return make("div", { class: "bar dropped", title: text, tabindex: 0 }, make("span", {}, text));
      });
      this.droppedRow.hidden = true;
      this.element.append(this.droppedRow);
    }
    axis.querySelector(".lanes")!.append(this.playhead);
    this.seekOn(onTime);
  }

  private axis(): HTMLElement {
    const { duration_s: duration, cuts_s: cuts } = this.data;
    const step = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800].find((one) => duration / one <= 12) ?? 3600;
    const marks = Array.from({ length: Math.floor(duration / step) + 1 }, (_, k) =>
      make("span", { class: "tick", style: `left:${(100 * k * step) / duration}%` }, clock(k * step, step < 1 ? 1 : 0)),
    );
    const lines = cuts.map((cut) => make("i", { class: "cut", title: `cut at ${clock(cut)} s`, style: `left:${(100 * cut) / duration}%` }));
    return row("seconds", "axis", ...marks, ...lines);
  }

  private row<One extends Span>(name: string, kind: string, spans: One[], barOf: (one: One) => HTMLElement): HTMLElement {
    const lanes = lanesOf(spans);
    const duration = this.data.duration_s;
    const bars = spans.map((one, k) => {
      const bar = barOf(one);
      bar.style.setProperty("--lane", String(lanes[k]));
      bar.style.left = `${(100 * one.start_s) / duration}%`;
      bar.style.width = `${(100 * (one.end_s - one.start_s)) / duration}%`;
      return bar;
    });
    const made = row(name, kind, ...bars);
    made.style.setProperty("--lanes", String(Math.max(...lanes) + 1));
    return made;
  }

  private eventBar(event: VideoEvent, onEvent: (event: VideoEvent) => void): HTMLElement {
    const caption = event.caption ?? `left out: ${event.left_out}`;
    const verdict = event.verdict ? `, ${event.verdict}ed`.replace("eed", "ed") : "";
    const title = `${event.id}, ${clock(event.start_s)} to ${clock(event.end_s)} s, confidence ${number(event.confidence, 2)}${verdict}: ${caption}`;
    const wrong = event.known && !event.known.is_matched;
    const bar = make(
      "button",
      { type: "button", class: `bar event${event.left_out ? " out" : ""}${wrong ? " false" : ""}`, title, click: () => onEvent(event) },
      make("span", {}, make("b", {}, event.id.slice(event.id.lastIndexOf("_") + 1)), ` ${caption}`),
      make("small", {}, number(event.confidence, 2), event.verdict ? ` ${VERDICTS[event.verdict]}` : ""),
    );
    this.bars.set(event.id, bar);
    return withSegments(bar, event, event.segments, colourOf(event.colour));
  }

  private seekOn(onTime: (time: number) => void): void {
    const seek = (event: PointerEvent): void => {
      const lanes = this.element.querySelector(".axis .lanes")!.getBoundingClientRect();
      onTime((Math.min(Math.max(event.clientX - lanes.left, 0), lanes.width) / lanes.width) * this.data.duration_s);
    };
    this.element.addEventListener("pointerdown", (event) => {
      if ((event.target as Element).closest("button, .what")) return;
      this.element.setPointerCapture(event.pointerId);
      seek(event);
    });
    this.element.addEventListener("pointermove", (event) => {
      if (this.element.hasPointerCapture(event.pointerId)) seek(event);
    });
  }

  showTime(time: number): void {
    this.playhead.style.left = `${(100 * time) / this.data.duration_s}%`;
  }

  showSelected(selected: VideoEvent | null): void {
    for (const [id, bar] of this.bars) bar.setAttribute("aria-pressed", String(id === selected?.id));
    if (selected) this.bars.get(selected.id)!.scrollIntoView({ block: "nearest" });
  }

  showDropped(on: boolean): void {
    if (this.droppedRow) this.droppedRow.hidden = !on;
  }
}

export const VERDICTS = { accept: "✓", edit: "✎", reject: "✗" };

/** Fills a bar where the event is on; gaps stay hatched. */
function withSegments(bar: HTMLElement, { start_s, end_s }: Span, segments: [number, number][], colour: string): HTMLElement {
  const length = Math.max(end_s - start_s, 1e-9);
  for (const [from, to] of segments)
    bar.prepend(make("i", { style: `left:${(100 * (from - start_s)) / length}%;width:${(100 * (to - from)) / length}%;--fill:${colour}` }));
  return bar;
}
