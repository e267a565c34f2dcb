// Prompts: a sentence goes to the model of `tsalv360 explore`, and its maps come one by one, coarse first.

import { make, number } from "./dom";
import { Series, type Layer, type Scale, type SeriesMap } from "./layers";

type Message =
  | { kind: "start"; n: number; remark: string }
  | ({ kind: "map" } & SeriesMap)
  | { kind: "progress"; done: number; of: number; stage: string; per_s: number; remaining_s: number }
  | { kind: "done" }
  | { kind: "superseded" }
  | { kind: "error"; message: string };

/** A prompt that was asked, with the maps that have come. */
export interface Prompt {
  text: string;
  series: Series;
  layer: Layer;
}

/** Yields the lines of an answer as they come. */
async function* linesOf(answer: Response): AsyncGenerator<string> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split("\n");
    rest = lines.pop()!;
    yield* lines.filter(Boolean);
  }
  if (rest) yield rest;
}

export class Live {
  readonly element: HTMLElement;
  readonly prompts: Prompt[] = [];
  private readonly input = make("input", { type: "text", placeholder: "a man juggling …", "aria-label": "Prompt", maxlength: 1000 });
  private readonly status = make("p", { class: "small soft", role: "status" });
  private running: AbortController | null = null;

  /** `onAsked` is called with a new prompt, `onMap` whenever a map has come. */
  constructor(
    private readonly video: string,
    private readonly n: number,
    captions: string[],
    private readonly scale: Scale,
    private readonly onAsked: (prompt: Prompt) => void,
    private readonly onMap: () => void,
  ) {
    const form = make("form", { submit: (event: Event) => (event.preventDefault(), this.ask(this.input.value)) }, this.input, make("button", {}, "ask"));
    const offers = [...new Set(captions)].map((text) => make("button", { type: "button", class: "offer", click: () => this.ask(text) }, text));
    this.element = make(
      "section",
      { class: "live" },
      make("h2", {}, "Ask the model"),
      make("p", { class: "small soft" }, window.TSALV360_LIVE!.checkpoint),
      form,
      this.status,
      offers.length ? make("details", {}, make("summary", {}, "Captions of this video"), ...offers) : null,
    );
  }

  focus(): void {
    this.input.focus();
  }

  ask(text: string): void {
    this.running?.abort();
    this.input.value = text;
    this.input.blur(); // keys work again
    const known = this.prompts.find((one) => one.text === text);
    const prompt = known ?? this.newPrompt(text);
    this.onAsked(prompt);
    const controller = new AbortController();
    this.running = controller;
    this.status.textContent = "asking …";
    this.receive(prompt, controller.signal).catch((error: Error) => {
      if (!controller.signal.aborted) this.status.textContent = `The model cannot be asked: ${error.message}`;
    });
  }

  private newPrompt(text: string): Prompt {
    const series = new Series(this.n, this.scale, this.onMap);
    const layer = { key: `prompt:${text}`, name: text || "(empty)", at: (picture: number) => series.at(picture), note: () => (series.maps.length ? "" : "No map yet.") };
    const prompt = { text, series, layer };
    this.prompts.push(prompt);
    return prompt;
  }

  private async receive(prompt: Prompt, signal: AbortSignal): Promise<void> {
    const answer = await fetch(`/live/${encodeURIComponent(this.video)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: prompt.text }),
      signal,
    });
    let remark = "";
    const has = new Set(prompt.series.maps.map((map) => map.picture));
    for await (const line of linesOf(answer)) {
      const message = JSON.parse(line) as Message;
      switch (message.kind) {
        case "start":
          remark = message.remark && `. ${message.remark}.`;
          this.status.textContent = `${message.n} maps to come${remark}`;
          break;
        case "map":
          if (!has.has(message.picture)) prompt.series.add(message);
          this.onMap();
          break;
        case "progress":
          this.status.textContent = `${message.stage} ${message.done} of ${message.of}, ${number(message.per_s)} a second, ${number(message.remaining_s, 0)} s to go${remark}`;
          break;
        case "done":
          this.status.textContent = `${prompt.series.maps.length} maps${remark}`;
          break;
        case "superseded":
          this.status.textContent = "stopped for a newer prompt; asking again goes on";
          break;
        case "error":
          this.status.textContent = message.message;
      }
    }
  }
}
