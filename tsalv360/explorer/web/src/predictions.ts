// The model's maps of the test clips, for the right and the wrong prompt, if the video was tested.

import type { Predictions, VideoData, VideoEvent } from "./data";
import { number } from "./dom";
import { Series, type Layer, type Scale } from "./layers";
import { loadScript } from "./media";

/** Loads the predictions that the evaluated models made for a video. */
export async function loadPredictions(video: string): Promise<Predictions[]> {
  const load = (name: string): Promise<void> => loadScript(`../predictions/${name}.js`).catch(() => undefined);
  await load("models"); // none before an evaluation
  const found: Predictions[] = [];
  for (const model of window.TSALV360_MODELS ?? []) {
    await load(`${model}/${encodeURIComponent(video)}`);
    if (window.TSALV360_PREDICTIONS) found.push(window.TSALV360_PREDICTIONS);
    delete window.TSALV360_PREDICTIONS;
  }
  return found;
}

/** Layers for the right and the wrong prompt. They show the clips of the selected event, each near its target frame. */
export function predictionLayers(
  predictions: Predictions,
  data: VideoData,
  selected: () => VideoEvent | null,
  scale: Scale,
  onDecoded: () => void,
): Layer[] {
  const reach = Math.round(data.media.rate / 2);
  const of = { right: new Map<string, Series>(), wrong: new Map<string, Series>() };
  for (const clip of predictions.clips) {
    for (const [kind, value, png, cc, prompt] of [
      ["right", clip.value, clip.png, clip.cc, clip.prompt],
      ["wrong", clip.value_wrong, clip.png_wrong, clip.cc_wrong, clip.wrong],
    ] as const) {
      if (value === null || png === null) continue;
      const note = `model ${predictions.model}, fold ${predictions.fold}, clip ${clip.clip}: CC ${number(cc, 2)} with “${prompt}”`;
      if (!of[kind].has(clip.event)) of[kind].set(clip.event, new Series(reach, scale, onDecoded));
      of[kind].get(clip.event)!.add({ picture: clip.picture, value, png, note });
    }
  }
  return (["right", "wrong"] as const).map((kind) => {
    const series = (): Series | undefined => of[kind].get(selected()?.id ?? "");
    return {
      key: `${kind}:${predictions.model}`,
      name: `model ${predictions.model}, ${kind} prompt`,
      at: (picture) => series()?.at(picture) ?? null,
      note: (picture) => series()?.maps[series()!.nearest(picture)]?.note ?? "No test clip of the event is near this time.",
    };
  });
}
