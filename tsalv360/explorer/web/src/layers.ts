// What may lie over the panorama: maps of the video itself, and series of maps that come one by one.

import type { VideoData, VideoEvent } from "./data";
import { decodePng } from "./media";
import type { Laid } from "./renderer";

export interface Layer {
  key: string;
  name: string;
  /** What to lay over a picture, null if there is nothing. */
  at(picture: number): Laid;
  /** What there is to say of what lies over a picture. */
  note?(picture: number): string;
}

/** A map of a series: its highest value, 0 to 1, where this is if known, and the map as PNG, 255 = `value`. */
export interface SeriesMap {
  picture: number;
  value: number;
  png: string;
  peak_yaw?: number;
  peak_pitch?: number;
  note?: string;
}

const AHEAD = 8; // maps that are decoded before they are needed
const KEPT = 64; // decoded maps that are kept

/** One scale for all series of a page, so that what looks stronger is stronger: the highest value that any has. */
export class Scale {
  highest = 0;
}

/** Maps of some pictures, in order; the nearest one in time is shown. */
export class Series {
  readonly maps: SeriesMap[] = [];
  private readonly decoded = new Map<SeriesMap, ImageBitmap>();
  private readonly asked = new Set<SeriesMap>();

  /** `reach` is how many pictures away a map is still shown; `onDecoded` is called when another one can be. */
  constructor(
    readonly reach: number,
    private readonly scale: Scale,
    private readonly onDecoded: () => void,
  ) {}

  add(map: SeriesMap): void {
    const place = this.maps.findIndex((one) => one.picture >= map.picture);
    if (place >= 0) this.maps.splice(place, 0, map);
    else this.maps.push(map);
    this.scale.highest = Math.max(this.scale.highest, map.value);
  }

  /** Returns the place of the map nearest to a picture, −1 if none is in reach. */
  nearest(picture: number): number {
    let best = -1;
    this.maps.forEach((map, k) => {
      const distance = Math.abs(map.picture - picture);
      if (distance <= this.reach && (best < 0 || distance < Math.abs(this.maps[best].picture - picture))) best = k;
    });
    return best;
  }

  at(picture: number): Laid {
    const place = this.nearest(picture);
    if (place < 0) return null;
    for (const map of this.maps.slice(place, place + AHEAD)) this.decode(map);
    const map = this.maps[place];
    const shown = this.decoded.get(map);
    return shown ? { picture: shown, gain: map.value / Math.max(this.scale.highest, 1e-9) } : null;
  }

  private decode(map: SeriesMap): void {
    if (this.asked.has(map)) return;
    this.asked.add(map);
    void decodePng(map.png).then((bitmap) => {
      this.decoded.set(map, bitmap);
      const [oldest] = this.decoded.keys();
      if (this.decoded.size > KEPT) {
        this.decoded.get(oldest)!.close();
        this.decoded.delete(oldest);
        this.asked.delete(oldest);
      }
      this.onDecoded();
    });
  }
}

/** Returns the row of an event's track at a picture, −1 where the event is off. */
export function rowAt(track: { picture: number[] }, picture: number): number {
  let [low, high] = [0, track.picture.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (track.picture[middle] < picture) low = middle + 1;
    else high = middle;
  }
  return track.picture[low] === picture ? low : -1;
}

/** The layers of the video itself. */
export function ownLayers(data: VideoData, selected: () => VideoEvent | null): Layer[] {
  const layers: Layer[] = [{ key: "none", name: "none", at: () => null }];
  if (data.events.length)
    layers.push({
      key: "event",
      name: "event",
      at: (picture) => {
        const event = selected();
        return event && rowAt(event.track, picture) >= 0 ? { slot: event.slot } : null;
      },
      note: (picture) => (rowAt(selected()?.track ?? { picture: [] }, picture) < 0 ? "The event is off at this time." : ""),
    });
  if (data.media.slots) layers.push({ key: "all", name: "all observers", at: () => ({ slot: 0 }) });
  return layers;
}
