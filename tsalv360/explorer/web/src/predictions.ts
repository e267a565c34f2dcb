// The model's maps of the test clips, for the right and the wrong prompt, if the video was tested.

import type { Predictions, VideoData, VideoEvent } from "./data";
import { Series, type Layer, type Scale } from "./layers";
import { loadScript } from "./media";

/** Loads the predictions of a video; null if there are none. */
export async function loadPredictions(video: string): Promise<Predictions | null> {
  await loadScript(`../predictions/${encodeURIComponent(video)}.js`).catch(() => undefined);
  return window.TSALV360_PREDICTIONS ?? null;
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
    for (const [kind, value, png] of [["right", clip.value, clip.png], ["wrong", clip.value_wrong, clip.png_wrong]] as const) {
      if (value === null || png === null) continue;
      if (!of[kind].has(clip.event)) of[kind].set(clip.event, new Series(reach, scale, onDecoded));
      of[kind].get(clip.event)!.add({ picture: clip.picture, value, png });
    }
  }
  return (["right", "wrong"] as const).map((kind) => ({
    key: kind,
    name: `model, ${kind} prompt`,
    at: (picture) => of[kind].get(selected()?.id ?? "")?.at(picture) ?? null,
  }));
}
