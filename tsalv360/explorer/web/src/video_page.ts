// The page of a video: the sphere, the time line below it and the panel beside it, and what is chosen of all of them.

import { colourOf } from "./colours";
import { Curves, type Curve } from "./curves";
import type { Predictions, VideoData, VideoEvent } from "./data";
import { clock, make, pageData } from "./dom";
import { listen } from "./keys";
import { ownLayers, rowAt, Scale, type Layer, type SeriesMap } from "./layers";
import { keepMoment, readMoment, type Moment } from "./link";
import { Live } from "./live";
import { limited, lookAround } from "./look";
import { Overlay, type Shown } from "./overlay";
import { eventDetails, LayerChoice, switches, videoFacts } from "./panel";
import { Player } from "./player";
import { loadPredictions, predictionLayers } from "./predictions";
import { Renderer } from "./renderer";
import type { View } from "./sphere";
import { switchTheme, themeButton } from "./theme";
import { Timeline } from "./timeline";

const LOOK_STEP = 0.08; // of the field of view, per key press

export function showVideo(): void {
  const page = new VideoPage(pageData<VideoData>());
  const ready = page.start();
  ready.catch((error: Error) => page.fail(error));
  window.tsalv360 = Object.assign(page, { ready: ready.then(() => true) });
}

class VideoPage {
  private view: View = { yaw: 0, pitch: 0, fov: 90 };
  private selected: VideoEvent | null = null;
  private follow = false;
  private opacity = 0.75;
  private layers: Layer[];
  private layer = "none";
  private other: string | null = null; // the layer before, that a key brings back
  private readonly scale = new Scale();
  private readonly shown: Shown;
  private readonly player: Player;
  private readonly overlay: Overlay;
  private renderer: Renderer | null = null;
  private live: Live | null = null;
  private readonly predictions: Predictions[] = [];
  private waiting = 0; // for the next drawing
  private started = false; // and from then on the address follows

  private readonly sphere = make("canvas", { class: "sphere", role: "img", tabindex: 0, "aria-label": "Panorama: drag to look around" });
  private readonly message = make("p", { class: "message", role: "alert", hidden: true });
  private readonly stage = make("div", { class: "stage" });
  private readonly clock = make("output", { class: "clock" });
  private readonly playButton = make("button", { type: "button", click: () => this.player.toggle() }, "▶");
  private readonly followButton = make("button", { type: "button", title: "The view follows the event (f)", click: () => this.setFollow(!this.follow) }, "follow");
  private readonly details = make("div");
  private readonly choice: LayerChoice;
  private readonly switches: { element: HTMLElement; update: () => void };
  private readonly timeline: Timeline;
  private readonly cc: Curves;
  private readonly strength: Curves;
  private readonly yaw: Curves;
  private readonly pitch: Curves;

  constructor(private readonly data: VideoData) {
    this.shown = { tracks: true, camera: true, known: false, dropped: false, observers: (data.observers?.names ?? []).map(() => false) };
    this.player = new Player(data, () => this.onPicture());
    this.overlay = new Overlay(make("canvas", { class: "lines", "aria-hidden": "true" }), data);
    this.layers = ownLayers(data, () => this.selected);
    this.choice = new LayerChoice((key) => this.setLayer(key), this.opacity, (opacity) => this.setOpacity(opacity));
    this.switches = switches(data, this.shown, () => this.onSwitch());
    this.timeline = new Timeline(data, (event) => this.visit(event), (time) => this.player.goTo(this.player.pictureAt(time)));
    this.cc = new Curves("CC with the target", data.duration_s, 0, 1);
    this.strength = new Curves("strength", data.duration_s, 0, 1);
    this.yaw = new Curves("yaw of the peak", data.duration_s, -180, 180);
    this.pitch = new Curves("its pitch", data.duration_s, -90, 90);
    this.build();
  }

  private build(): void {
    const { data } = this;
    const help = listen(this.keys(() => help.showModal()));
    this.stage.append(this.sphere, this.overlay.canvas, this.message);
    const bar = make(
      "header",
      { class: "bar" },
      make("a", { href: "../index.html", title: "All videos" }, `← ${data.dataset}`),
      make("h1", {}, data.video),
      make("span", { class: "soft small" }, data.source),
      data.banner ? make("span", { class: "banner", role: "note" }, data.banner) : null,
      make("span", { class: "gap" }),
      make("button", { type: "button", class: "quiet", title: "Keys (?)", "aria-label": "Keys", click: () => help.showModal() }, "?"),
      themeButton(),
      make("button", { type: "button", class: "quiet", title: "Panel (p)", "aria-label": "Panel", click: () => this.togglePanel() }, "☰"),
      make("button", { type: "button", class: "quiet", title: "Full screen (m)", "aria-label": "Full screen", click: () => this.toggleFullScreen() }, "⤢"),
    );
    const controls = make("div", { class: "controls" }, this.playButton, this.followButton, this.clock);
    for (const { element } of [this.cc, this.strength, this.yaw, this.pitch]) this.timeline.element.append(element);
    const captions = data.events.flatMap((event) => event.caption ?? []);
    if (window.TSALV360_LIVE && location.protocol !== "file:")
      this.live = new Live(data.video, data.media.frames.length, captions, this.scale, (prompt) => this.addPrompt(prompt.layer), () => this.onMap());
    const panel = make("aside", { class: "panel" }, this.live?.element, this.details, this.choice.element, this.switches.element, videoFacts(data));
    document.body.append(bar, make("main", {}, this.stage, panel), controls, this.timeline.element, help);
    // A clicked button gives the focus back, so that the next key is no press of it.
    document.addEventListener("click", (event) => event.detail && (event.target as Element).closest("button")?.blur());
    this.setSelected(data.events[0] ?? null);
    this.setLayer(data.events.length ? "event" : "none");
  }

  /** Loads the video and shows the moment that the address asks for. */
  async start(): Promise<void> {
    const asked = readMoment();
    this.renderer = new Renderer(this.sphere, this.data.media);
    lookAround(this.sphere, () => this.view, (view) => {
      this.setFollow(false);
      this.setView(view);
    });
    new ResizeObserver(() => this.resize()).observe(this.stage);
    for (const kind of ["play", "pause"]) this.player.video.addEventListener(kind, () => this.showPlaying());
    this.showPlaying();
    this.say(`Loading ${(this.data.media.bytes / 1e6).toFixed(1)} MB …`);
    await this.player.load();
    this.message.hidden = true;
    if (this.data.splits.some((split) => split.endsWith("test"))) {
      for (const predictions of await loadPredictions(this.data.video)) this.addPredictions(predictions);
    }
    this.visitMoment(asked);
    this.started = true;
    addEventListener("hashchange", () => this.visitMoment(readMoment()));
    await this.shownNow();
  }

  /** Says what is wrong in place of the sphere. */
  fail(error: Error): void {
    this.say(error.message);
  }

  private say(text: string): void {
    this.message.textContent = text;
    this.message.hidden = false;
  }

  // ---- what is chosen

  private visitMoment(moment: Moment): void {
    const event = this.data.events.find((one) => one.id === moment.event);
    if (event && moment.t === undefined && moment.yaw === undefined) this.visit(event);
    else if (event) this.setSelected(event);
    if (moment.t !== undefined) this.player.goTo(this.player.pictureAt(moment.t));
    const { yaw = this.view.yaw, pitch = this.view.pitch, fov = this.view.fov } = moment;
    if (event && moment.t !== undefined && moment.yaw === undefined) this.turnTo(event, this.player.pictureAt(moment.t));
    else this.setView({ yaw, pitch, fov });
    if (moment.layer !== undefined && this.layers.some(({ key }) => key === moment.layer)) this.setLayer(moment.layer);
    if (moment.follow !== undefined) this.setFollow(moment.follow);
    if (moment.prompt && this.live && !this.live.prompts.some(({ text }) => text === moment.prompt)) this.live.ask(moment.prompt);
  }

  private moment(): Moment {
    const { yaw, pitch, fov } = this.view;
    const prompt = this.layer.startsWith("prompt:") ? this.layer.slice("prompt:".length) : undefined;
    const layer = prompt === undefined ? this.layer : undefined;
    return { t: this.player.time, event: this.selected?.id, yaw, pitch, fov, layer, follow: this.follow, prompt };
  }

  private setView(view: View): void {
    this.view = limited(view);
    this.redraw();
  }

  private setSelected(event: VideoEvent | null): void {
    this.selected = event;
    this.details.replaceChildren(eventDetails(this.data, event));
    this.timeline.showSelected(event);
    this.showCurves();
    this.redraw();
  }

  /** Selects an event and goes where it begins. */
  private visit(event: VideoEvent): void {
    this.setSelected(event);
    this.player.goTo(event.track.picture[0]);
    this.turnTo(event, event.track.picture[0]);
  }

  /** Looks at an event at a picture, or where it is at the nearest one. */
  private turnTo(event: VideoEvent, picture: number): void {
    const { track } = event;
    let row = rowAt(track, picture);
    if (row < 0) row = picture < track.picture[0] ? 0 : track.picture.findLastIndex((one) => one <= picture);
    this.setView({ yaw: track.yaw[row], pitch: track.pitch[row], fov: this.view.fov });
  }

  private visitNext(step: number): void {
    const { events } = this.data;
    if (!events.length) return;
    const now = this.selected ? events.indexOf(this.selected) : -step;
    this.visit(events[(now + step + events.length) % events.length]);
  }

  private setFollow(on: boolean): void {
    this.follow = on && this.selected !== null;
    this.followButton.setAttribute("aria-pressed", String(this.follow));
    this.redraw();
  }

  private setLayer(key: string): void {
    if (key !== this.layer) this.other = this.layer;
    this.layer = key;
    this.choice.show(this.layers, this.layer, this.other);
    this.redraw();
  }

  private setOpacity(opacity: number): void {
    this.opacity = opacity;
    this.redraw();
  }

  private onSwitch(): void {
    this.timeline.showDropped(this.shown.dropped);
    this.switches.update();
    this.redraw();
  }

  private flip(name: "tracks" | "camera" | "known" | "dropped"): void {
    this.shown[name] = !this.shown[name];
    this.onSwitch();
  }

  private flipObservers(): void {
    this.shown.observers.fill(!this.shown.observers.every(Boolean));
    this.onSwitch();
  }

  private addPrompt(layer: Layer): void {
    if (!this.layers.includes(layer)) this.layers.push(layer);
    this.setLayer(layer.key);
  }

  private addPredictions(predictions: Predictions): void {
    const layers = predictionLayers(predictions, this.data, () => this.selected, this.scale, () => this.redraw());
    this.layers.push(...layers);
    this.predictions.push(predictions);
    this.choice.show(this.layers, this.layer, this.other);
    this.showCurves();
  }

  private togglePanel(): void {
    document.body.classList.toggle("without-panel");
  }

  private toggleFullScreen(): void {
    void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen());
  }

  private look(right: number, up: number): void {
    const step = LOOK_STEP * this.view.fov;
    this.setFollow(false);
    this.setView({ yaw: this.view.yaw + right * step, pitch: this.view.pitch + up * step, fov: this.view.fov });
  }

  private zoom(factor: number): void {
    this.setView({ ...this.view, fov: this.view.fov * factor });
  }

  private keys(help: () => void) {
    const second = Math.round(this.data.media.rate);
    const digits = Array.from({ length: 10 }, (_, k) => String(k));
    return [
      { keys: [" "], text: "play or pause", run: () => this.player.toggle() },
      { keys: ["ArrowLeft"], text: "one picture back; with shift one second", run: (event: KeyboardEvent) => this.player.step(event.shiftKey ? -second : -1) },
      { keys: ["ArrowRight"], text: "one picture on; with shift one second", run: (event: KeyboardEvent) => this.player.step(event.shiftKey ? second : 1) },
      { keys: ["n"], text: "next event", run: () => this.visitNext(1) },
      { keys: ["N"], text: "the event before", run: () => this.visitNext(-1) },
      { keys: ["f"], text: "follow the event", run: () => this.setFollow(!this.follow) },
      { keys: ["w"], text: "look up", run: () => this.look(0, 1) },
      { keys: ["s"], text: "look down", run: () => this.look(0, -1) },
      { keys: ["a"], text: "look left", run: () => this.look(-1, 0) },
      { keys: ["d"], text: "look right", run: () => this.look(1, 0) },
      { keys: ["+", "="], text: "closer", run: () => this.zoom(0.9) },
      { keys: ["-"], text: "wider", run: () => this.zoom(1 / 0.9) },
      { keys: digits, shown: "0 – 9", text: "saliency by its number in the panel", run: (event: KeyboardEvent) => this.layers[Number(event.key)] && this.setLayer(this.layers[Number(event.key)].key) },
      { keys: ["b"], text: "the saliency before (A/B)", run: () => this.other !== null && this.setLayer(this.other) },
      { keys: ["t"], text: "tracks", run: () => this.flip("tracks") },
      { keys: ["v"], text: "view of the viewport", run: () => this.flip("camera") },
      { keys: ["k"], text: "known events", run: () => this.flip("known") },
      { keys: ["x"], text: "dropped candidates", run: () => this.flip("dropped") },
      { keys: ["o"], text: "gaze of all observers", run: () => this.flipObservers() },
      { keys: ["/"], text: "type a prompt, where there is a model", run: () => this.live?.focus() },
      { keys: ["p"], text: "panel", run: () => this.togglePanel() },
      { keys: ["l"], text: "light or dark", run: switchTheme },
      { keys: ["m"], text: "full screen", run: () => this.toggleFullScreen() },
      { keys: ["?", "h"], text: "these keys", run: help },
    ];
  }

  // ---- what is seen

  private onPicture(): void {
    this.renderer!.take(this.player.video);
    this.draw();
  }

  private onMap(): void {
    this.showCurves();
    this.redraw();
  }

  private showPlaying(): void {
    this.playButton.textContent = this.player.playing ? "❚❚" : "▶";
    this.playButton.setAttribute("aria-label", this.player.playing ? "Pause" : "Play");
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.stage;
    const pixel = Math.min(devicePixelRatio, 2);
    for (const canvas of [this.sphere, this.overlay.canvas]) {
      canvas.width = Math.max(1, Math.round(clientWidth * pixel));
      canvas.height = Math.max(1, Math.round(clientHeight * pixel));
    }
    this.draw();
  }

  private redraw(): void {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    cancelAnimationFrame(this.waiting);
    this.waiting = 0;
    if (!this.renderer) return;
    const { picture, time } = this.player;
    if (this.follow && this.selected) {
      const row = rowAt(this.selected.track, picture);
      const { camera_yaw, camera_pitch } = this.selected.track;
      if (row >= 0) this.view = limited({ yaw: camera_yaw[row], pitch: camera_pitch[row], fov: this.view.fov });
    }
    const layer = this.layers.find(({ key }) => key === this.layer);
    const laid = layer?.at(picture) ?? null;
    this.renderer.draw(this.view, laid, this.opacity);
    this.overlay.draw(this.view, picture, time, this.selected, this.shown);
    this.timeline.showTime(time);
    this.clock.textContent = `${clock(time, 2)} / ${clock(this.data.duration_s, 1)} s · frame ${this.data.media.frames[picture]}`;
    this.choice.note.textContent = layer?.note?.(picture) ?? "";
    if (this.started) keepMoment(() => this.moment());
  }

  private showCurves(): void {
    const timeOf = ({ picture }: { picture: number }): number => this.player.timeOf(picture);
    this.cc.show(
      this.predictions.flatMap(({ model, clips }, k): Curve[] => {
        const own = clips.filter(({ event }) => event === this.selected?.id);
        const wrong = own.flatMap((one): [number, number][] => (one.cc_wrong === null ? [] : [[timeOf(one), one.cc_wrong]]));
        return [
          { name: `${model}, right prompt`, colour: colourOf(2 * k), points: own.map((one) => [timeOf(one), one.cc]) },
          { name: `${model}, wrong prompt`, colour: colourOf(2 * k + 1), dashed: true, points: wrong },
        ];
      }),
    );
    const prompts = this.live?.prompts ?? [];
    const highest = Math.max(this.scale.highest, 1e-9);
    const curvesOf = (value: (map: SeriesMap) => number, dots: boolean): Curve[] =>
      prompts.map(({ text, series }, k) => ({ name: text, colour: colourOf(k), dots, points: series.maps.map((map) => [timeOf(map), value(map)]) }));
    this.strength.show(curvesOf(({ value }) => value / highest, false));
    this.yaw.show(curvesOf(({ peak_yaw }) => peak_yaw!, true));
    this.pitch.show(curvesOf(({ peak_pitch }) => peak_pitch!, true));
  }

  // ---- for tests

  /** Resolves when what is chosen has been drawn. */
  shownNow(): Promise<void> {
    return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));
  }

  /** What is shown now. */
  get state() {
    const { picture, time, playing } = this.player;
    const { view, follow, layer, selected } = this;
    return { ...view, follow, layer, event: selected?.id ?? null, picture, time, playing, frame: this.data.media.frames[picture] };
  }
}
