// Which videos and events the table shows, and in which order.

import { TableEvent, TableVideo } from "./table_data";

/** What is searched, filtered and sorted, by the names that the address has; what is missing filters nothing. */
export type State = Record<string, string>;

/** A video that the table shows, with the events that were searched for. */
export interface Shown {
  video: TableVideo;
  hits: TableEvent[];
}

/** What a filter takes for one exact text, so that texts cannot be confused with its other choices. */
export const exactly = (text: string): string => `=${text}`;

export const termsOf = (state: State): string[] => (state.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);

export const foldOf = (state: State, video: TableVideo): number => Math.min(Number(state.fold) || 0, video.parts.length - 1);

/** Returns the videos to show, in order. */
export function choose(videos: TableVideo[], state: State): Shown[] {
  const terms = termsOf(state);
  const fitsVideo = videoFilter(state);
  const fitsEvent = eventFilter(state);
  const shown: Shown[] = [];
  for (const video of videos) {
    if (!fitsVideo(video)) continue;
    const events = fitsEvent ? video.events.filter(fitsEvent) : video.events;
    if (fitsEvent && !events.length) continue;
    const isNamed = terms.every((term) => video.text.includes(term));
    const found = terms.length ? events.filter((event) => isFound(video, event, terms)) : [];
    if (isNamed || found.length) shown.push({ video, hits: fitsEvent && isNamed ? events : found });
  }
  return sorted(shown, state);
}

/** Every term is in the caption, the event's id or what names the video, and one of them in the event itself. */
function isFound(video: TableVideo, event: TableEvent, terms: string[]): boolean {
  const isOwn = (term: string) => event.text.includes(term) || (term.includes("_") && event.id.toLowerCase() === term);
  return terms.some(isOwn) && terms.every((term) => isOwn(term) || video.text.includes(term));
}

function videoFilter(state: State): (video: TableVideo) => boolean {
  const { source, split, doubtful } = state;
  const number = range(state.events_min, state.events_max);
  return (video) =>
    (!source || video.source === source) &&
    (!split || (video.parts[foldOf(state, video)] || "none") === split) &&
    (!doubtful || video.doubtful === (doubtful === "yes")) &&
    number(video.nEvents);
}

function eventFilter(state: State): ((event: TableEvent) => boolean) | null {
  const { verdict, flag, reason, confidence_min: low, confidence_max: high } = state;
  if (!verdict && !flag && !reason && !low && !high) return null;
  const confidence = range(low, high);
  return (event) =>
    (!verdict || event.verdict === verdict) &&
    (!flag || (flag === "any" ? event.flags.length > 0 : event.flags.some((name) => exactly(name) === flag))) &&
    (!reason || (reason === "any" ? event.leftOut !== "" : exactly(event.leftOut) === reason)) &&
    confidence(event.confidence);
}

function range(low: string | undefined, high: string | undefined): (value: number) => boolean {
  const least = low ? Number(low) : NaN;
  const most = high ? Number(high) : NaN;
  return (value) => !(value < least) && !(value > most); // nothing is below or above NaN
}

const SORTS: Record<string, (video: TableVideo, state: State) => string | number | null> = {
  id: (video) => video.id,
  source: (video) => video.source,
  split: (video, state) => video.parts[foldOf(state, video)] || null,
  duration: (video) => video.duration_s,
  observers: (video) => video.nObservers,
  events: (video) => video.nEvents,
  confidence: (video) => video.confidence,
  verdicts: (video) => video.verdicts[0] + video.verdicts[1] + video.verdicts[2],
  flags: (video) => video.nFlags,
  gaze: (video) => Number(video.doubtful),
  f1: (video) => video.f1,
};
const collator = new Intl.Collator("en", { numeric: true });

/** Returns which column is sorted, and whether downwards. */
export function sortOf(state: State): { name: string; down: boolean } {
  const down = (state.sort ?? "").startsWith("-");
  const name = (state.sort ?? "").slice(down ? 1 : 0);
  return { name: Object.hasOwn(SORTS, name) ? name : "", down };
}

/** Values that are missing come last, whichever way the others are sorted. */
function sorted(shown: Shown[], state: State): Shown[] {
  const { name, down } = sortOf(state);
  if (!name) return shown;
  const keyed = shown.map((one) => ({ one, key: SORTS[name](one.video, state) }));
  keyed.sort((a, b) => {
    if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
    const order = typeof a.key === "number" ? a.key - (b.key as number) : collator.compare(a.key, String(b.key));
    return down ? -order : order;
  });
  return keyed.map(({ one }) => one);
}
