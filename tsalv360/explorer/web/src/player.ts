// Plays the stacked video by pictures: picture j is on screen from j / rate on. Times are those of the source video.

import type { VideoData } from "./data";
import { make } from "./dom";
import { videoAddress } from "./media";

export class Player {
  readonly video = make("video", { playsinline: true, loop: true, preload: "auto" });
  picture = 0;
  private jumpedTo: number | null = null; // the picture of the present jump
  private wanted: number | null = null; // that of the next one
  private readonly times: number[];

  /** `onPicture` is called for each picture that is shown, while the video element holds it. */
  constructor(
    private readonly data: VideoData,
    private readonly onPicture: () => void,
  ) {
    this.video.muted = true;
    this.video.addEventListener("seeked", () => {
      this.jumpedTo = null;
      this.jump();
    });
    this.times = data.media.frames.map((frame) => frame / data.fps);
  }

  /** Loads the video and shows its first picture. */
  async load(): Promise<void> {
    const address = await videoAddress(this.data.media);
    const loaded = new Promise<void>((resolve, reject) => {
      this.video.addEventListener("loadeddata", () => resolve(), { once: true });
      this.video.addEventListener("error", () => reject(new Error(`The video cannot be played: ${this.video.error?.message ?? ""}`)), { once: true });
    });
    this.video.src = address;
    await loaded;
    const shown: VideoFrameRequestCallback = (_, { mediaTime }) => {
      this.picture = this.within(Math.round(mediaTime * this.data.media.rate));
      this.onPicture();
      this.video.requestVideoFrameCallback(shown);
    };
    this.video.requestVideoFrameCallback(shown);
    this.onPicture();
  }

  /** Source time of a picture. */
  timeOf(picture: number): number {
    return this.times[this.within(picture)];
  }

  get time(): number {
    return this.timeOf(this.picture);
  }

  get playing(): boolean {
    return !this.video.paused;
  }

  get n(): number {
    return this.times.length;
  }

  /** Returns the picture that is on screen at a source time. */
  pictureAt(time: number): number {
    let [low, high] = [0, this.n]; // the first later one is in (low, high]
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] > time + 1e-3) high = middle;
      else low = middle + 1;
    }
    return this.within(low - 1);
  }

  /** Jumps to a picture; to its middle, where rounding does not matter. One jump at a time, the newest next. */
  goTo(picture: number): void {
    this.wanted = this.within(picture);
    if (!this.video.seeking) this.jump();
  }

  private jump(): void {
    if (this.wanted === null) return;
    this.video.currentTime = (this.wanted + 0.5) / this.data.media.rate;
    [this.jumpedTo, this.wanted] = [this.wanted, null];
  }

  toggle(): void {
    if (this.playing) this.video.pause();
    else void this.video.play().catch(() => undefined); // refused before the first click
  }

  /** Pauses and goes some pictures on or back. */
  step(pictures: number): void {
    this.video.pause();
    this.goTo((this.wanted ?? this.jumpedTo ?? this.picture) + pictures);
  }

  private within(picture: number): number {
    return Math.min(Math.max(picture, 0), this.n - 1);
  }
}
