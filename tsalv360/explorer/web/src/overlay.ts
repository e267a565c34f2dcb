// Lines and dots over the panorama, drawn anew with each picture and each turn of the head.

import { colourOf, hasCore } from "./colours";
import type { EventTrack, Track, VideoData, VideoEvent } from "./data";
import { rowAt } from "./layers";
import { fromBase64 } from "./media";
import { outline, Projection, type View } from "./sphere";

const NO_GAZE = -32768;
const VIEW_ASPECT = 4 / 3; // of the viewports

/** What is switched on. */
export interface Shown {
  tracks: boolean;
  camera: boolean;
  known: boolean;
  dropped: boolean;
  observers: boolean[];
}

export class Overlay {
  readonly gaze: Int16Array;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly data: VideoData,
  ) {
    this.gaze = data.observers ? new Int16Array(fromBase64(data.observers.gaze).buffer) : new Int16Array(0);
  }

  draw(view: View, picture: number, time: number, selected: VideoEvent | null, shown: Shown): void {
    const { canvas, data } = this;
    const context = canvas.getContext("2d")!;
    const pixel = canvas.width / Math.max(canvas.clientWidth, 1);
    const projection = new Projection(view, canvas.width / pixel, canvas.height / pixel);
    context.setTransform(pixel, 0, 0, pixel, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const pen = new Pen(context, projection);
    if (shown.known)
      for (const known of data.known ?? []) if (isOn(known, time)) pen.track(known.track, picture, "#fff", 2, [5, 5], false);
    for (const event of data.events) {
      const isSelected = event === selected;
      if (!(isSelected || (shown.tracks && isOn(event, time)))) continue;
      if (shown.tracks) {
        const width = isSelected ? 4 : 2.5;
        pen.track(event.track, picture, colourOf(event.colour), width, [], hasCore(event.colour));
        pen.number(event.track, picture, event.id.slice(event.id.lastIndexOf("_") + 1));
      }
      if (isSelected && shown.camera) pen.camera(event.track, picture);
    }
    if (shown.dropped)
      for (const one of data.dropped) if (isOn(one, time)) pen.cross(one.yaw, one.pitch);
    this.drawObservers(pen, picture, shown.observers);
  }

  private drawObservers(pen: Pen, picture: number, shown: boolean[]): void {
    const n = this.data.media.frames.length;
    shown.forEach((on, k) => {
      const at = 2 * (k * n + picture);
      if (on && this.gaze[at] !== NO_GAZE) pen.dot(this.gaze[at] / 10, this.gaze[at + 1] / 10, observerColour(k), 5);
    });
  }
}

/** Returns the colour of an observer: there are more of them than colours that can be told apart. */
export function observerColour(k: number): string {
  return `hsl(${(k * 137.5) % 360} 85% ${k % 2 ? 62 : 74}%)`;
}

function isOn(one: { start_s: number; end_s: number }, time: number): boolean {
  return time >= one.start_s - 1e-3 && time <= one.end_s + 1e-3;
}

class Pen {
  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly projection: Projection,
  ) {}

  /** The line of a track without its gaps, and a dot where it is now. */
  track(track: Track, picture: number, colour: string, width: number, dashes: number[], core: boolean): void {
    const { context } = this;
    const path = new Path2D();
    let last = -2;
    track.picture.forEach((one, k) => {
      const place = this.projection.place(track.yaw[k], track.pitch[k]);
      if (!place) {
        last = -2;
        return;
      }
      if (one === last + 1) path.lineTo(...place);
      else path.moveTo(...place);
      last = one;
    });
    context.setLineDash(dashes);
    this.stroke(path, "#000a", width + 2);
    this.stroke(path, colour, width);
    if (core) this.stroke(path, "#fff", width / 3);
    context.setLineDash([]);
    const row = rowAt(track, picture);
    if (row >= 0) this.dot(track.yaw[row], track.pitch[row], colour, width + 3);
  }

  /** A number beside the place of a track now. */
  number(track: Track, picture: number, text: string): void {
    const row = rowAt(track, picture);
    const place = row < 0 ? null : this.projection.place(track.yaw[row], track.pitch[row]);
    if (!place) return;
    const { context } = this;
    context.font = "600 14px system-ui, sans-serif";
    context.strokeStyle = "#000c";
    context.lineWidth = 4;
    context.lineJoin = "round";
    context.strokeText(text, place[0] + 9, place[1] - 8);
    context.fillStyle = "#fff";
    context.fillText(text, place[0] + 9, place[1] - 8);
  }

  /** The outline of what the camera of an event sees now. */
  camera(track: EventTrack, picture: number): void {
    const row = rowAt(track, picture);
    if (row < 0) return;
    const path = new Path2D();
    let drawing = false;
    for (const [yaw, pitch] of outline(track.camera_yaw[row], track.camera_pitch[row], track.camera_hfov[row], VIEW_ASPECT)) {
      const place = this.projection.place(yaw, pitch);
      if (place && drawing) path.lineTo(...place);
      else if (place) path.moveTo(...place);
      drawing = place !== null;
    }
    this.stroke(path, "#000a", 4);
    this.stroke(path, "#fff", 2);
  }

  dot(yaw: number, pitch: number, colour: string, radius: number): void {
    const place = this.projection.place(yaw, pitch);
    if (!place) return;
    const path = new Path2D();
    path.arc(...place, radius, 0, 2 * Math.PI);
    this.context.fillStyle = colour;
    this.context.fill(path);
    this.stroke(path, "#000c", 1.5);
  }

  cross(yaw: number, pitch: number): void {
    const place = this.projection.place(yaw, pitch);
    if (!place) return;
    const [x, y] = place;
    const path = new Path2D(`M${x - 7} ${y - 7}L${x + 7} ${y + 7}M${x - 7} ${y + 7}L${x + 7} ${y - 7}`);
    this.stroke(path, "#000c", 5);
    this.stroke(path, "#fff", 2);
  }

  private stroke(path: Path2D, colour: string, width: number): void {
    this.context.strokeStyle = colour;
    this.context.lineWidth = width;
    this.context.stroke(path);
  }
}
