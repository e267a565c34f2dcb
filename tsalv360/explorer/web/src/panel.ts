// The panel beside the sphere: the selected event, what lies over the picture, and facts on the video.

import { colourOf } from "./colours";
import type { VideoData, VideoEvent } from "./data";
import { clock, make, number } from "./dom";
import type { Layer } from "./layers";
import { observerColour, type Shown } from "./overlay";
import { VERDICTS } from "./timeline";

const degrees = (value: number): string => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(0)}°`;
const fact = (name: string, value: string): HTMLElement => make("div", {}, make("dt", {}, name), make("dd", {}, value));

/** Returns what is known of an event, or of how to choose one. */
export function eventDetails(data: VideoData, event: VideoEvent | null): HTMLElement {
  if (!event) {
    const text = data.events.length ? "Choose an event in the time line, or press n." : "This video has no events.";
    return make("section", { class: "event" }, make("p", { class: "soft" }, text));
  }
  const middle = Math.floor(event.track.picture.length / 2);
  const verdict = event.verdict && make("span", { class: `tag ${event.verdict}` }, `${VERDICTS[event.verdict]} ${event.verdict}`);
  const corrected = event.corrected_frames && `frames corrected to ${event.corrected_frames.join(" to ")}`;
  return make(
    "section",
    { class: "event", style: `--colour:${colourOf(event.colour)}`, "aria-live": "polite" },
    make("h2", {}, event.id, " ", make("small", {}, `${clock(event.start_s)} to ${clock(event.end_s)} s`)),
    event.caption === null
      ? make("p", { class: "caption soft" }, `Left out of the dataset: ${event.left_out}.`)
      : make("p", { class: "caption" }, event.caption),
    make("p", { class: "small soft" }, [event.origin, corrected].filter(Boolean).join("; ")),
    event.caption !== null && event.left_out ? make("p", { class: "small" }, `Left out of the dataset: ${event.left_out}.`) : null,
    verdict || event.flags.length
      ? make("p", { class: "tags" }, verdict, ...event.flags.map((flag) => make("span", { class: "tag" }, flag)))
      : null,
    ...event.remarks.map((remark) => make("p", { class: "small" }, remark)),
    make(
      "dl",
      { class: "facts" },
      fact("confidence", number(event.confidence, 2)),
      fact("observers", data.n_observers === null ? "unknown" : `${event.n_observers} of ${data.n_observers}`),
      fact("share", `${number(100 * event.share, 0)} %`),
      fact("frames", `${event.start_frame}–${event.end_frame}`),
      fact("direction", `${degrees(event.track.yaw[middle])}, ${degrees(event.track.pitch[middle])}`),
      fact("segments", String(event.segments.length)),
      fact("evidence", number(event.evidence)),
      fact("by chance", event.by_chance < 0.001 ? "< 0.001" : event.by_chance.toPrecision(2)),
    ),
    agreement(event),
  );
}

function agreement({ known }: VideoEvent): HTMLElement | null {
  if (!known) return null;
  if (!known.name) return make("p", { class: "small" }, make("span", { class: "tag wrong" }, "✗ no known event"), " none is near it at that time");
  const apart = `${number(known.error_deg)}° away, ${number(100 * (known.iou ?? 0), 0)} % of the frames in common`;
  const ends = `, start ${number(known.start_error_s, 2)} s, end ${number(known.end_error_s, 2)} s`;
  return known.is_matched
    ? make("p", { class: "small" }, make("span", { class: "tag right" }, `✓ ${known.name}`), ` ${apart}${ends}`)
    : make("p", { class: "small" }, make("span", { class: "tag wrong" }, "✗ no known event"), ` nearest is ${known.name}, ${apart}`);
}

/** The choice of a layer. */
export class LayerChoice {
  readonly element = make("section", { class: "layers" });
  private readonly list = make("div", { class: "choice", role: "radiogroup", "aria-label": "Saliency of" });

  constructor(
    private readonly choose: (key: string) => void,
    opacity: number,
    changeOpacity: (opacity: number) => void,
  ) {
    const slider = make("input", {
      type: "range", min: 0, max: 1, step: 0.05, value: opacity, "aria-label": "Opacity",
      input: (event: Event) => changeOpacity(Number((event.target as HTMLInputElement).value)),
    });
    this.element.append(make("h2", {}, "Saliency"), this.list, make("label", { class: "opacity" }, "opacity", slider), this.note);
  }

  readonly note = make("p", { class: "small soft note", role: "status" });

  show(layers: Layer[], chosen: string, other: string | null): void {
    this.list.replaceChildren(
      ...layers.map(({ key, name }, k) =>
        make(
          "button",
          { type: "button", role: "radio", "aria-checked": String(key === chosen), "aria-pressed": String(key === chosen), title: name, click: () => this.choose(key) },
          k < 10 ? make("kbd", {}, String(k)) : null,
          ` ${name}`,
          key === other ? make("small", {}, " B") : null,
        ),
      ),
    );
  }
}

/** What else is drawn: switches, the observers among them. */
export function switches(data: VideoData, shown: Shown, changed: () => void): { element: HTMLElement; update: () => void } {
  const updates: (() => void)[] = [];
  const one = (text: string, key: string, get: () => boolean, set: (on: boolean) => void): HTMLElement => {
    const box = make("input", { type: "checkbox", change: () => (set(box.checked), changed()) });
    updates.push(() => (box.checked = get()));
    return make("label", {}, box, ` ${text} `, key ? make("kbd", {}, key) : null);
  };
  const of = (name: "tracks" | "camera" | "known" | "dropped", text: string, key: string): HTMLElement =>
    one(text, key, () => shown[name], (on) => (shown[name] = on));
  const names = data.observers?.names ?? [];
  const observers = names.map((name, k) => {
    const label = one(name, "", () => shown.observers[k], (on) => (shown.observers[k] = on));
    label.style.setProperty("--colour", observerColour(k));
    return label;
  });
  const element = make(
    "section",
    { class: "switches" },
    make("h2", {}, "Show"),
    data.events.length ? of("tracks", "tracks of events", "t") : null,
    data.events.length ? of("camera", "view of the viewport", "v") : null,
    data.known ? of("known", "known events", "k") : null,
    data.dropped.length ? of("dropped", `${data.dropped.length} dropped candidate${data.dropped.length > 1 ? "s" : ""}`, "x") : null,
    names.length
      ? one(`gaze of ${names.length} observers`, "o", () => shown.observers.every(Boolean), (on) => shown.observers.fill(on))
      : null,
    names.length ? make("details", {}, make("summary", {}, "single observers"), make("div", { class: "observers" }, ...observers)) : null,
  );
  element.hidden = !updates.length;
  const update = (): void => updates.forEach((each) => each());
  update();
  return { element, update };
}

/** Facts on the video, and remarks on its gaze. */
export function videoFacts(data: VideoData): HTMLElement {
  const observers = data.n_observers === null ? "unknown" : `${data.n_observers}${data.recorded === "head" ? ", heads only" : ""}`;
  return make(
    "section",
    { class: "about" },
    make("h2", {}, "Video"),
    make(
      "dl",
      { class: "facts" },
      data.source ? fact("source", data.source) : null,
      data.licence ? fact("licence", data.licence) : null,
      fact("picture", `${data.width} × ${data.height}`),
      fact("rate", `${Number(data.fps.toPrecision(4))} fps`),
      fact("length", `${clock(data.duration_s)} s`),
      data.observers || data.n_observers !== null ? fact("observers", observers) : null,
    ),
    data.reliability
      ? make(
          "p",
          { class: "small" },
          `Halves of the observers agree with F1 ${data.reliability.agreement}; gaze that has only its preferences in common gives ${data.reliability.chance} events per event.`,
        )
      : null,
    data.splits.length ? make("p", { class: "small" }, data.splits.join("; ")) : null,
    data.sheet ? make("p", {}, make("a", { href: data.sheet }, "contact sheet")) : null,
    ...data.notes.map((note) => make("p", { class: "small soft" }, note)),
    data.remarks.length
      ? make(
          "div",
          { class: "doubt" },
          make("h3", {}, "Gaze may be read wrongly"),
          make("ul", {}, ...data.remarks.map((one) => make("li", {}, `${one.found}; ${one.expected}. ${one.advice}`))),
          ...data.remark_pictures.map((one) => make("figure", {}, make("img", { src: one.uri, alt: one.text, width: one.width, height: one.height }), make("figcaption", {}, one.text))),
        )
      : null,
  );
}
