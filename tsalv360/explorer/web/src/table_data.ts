// The videos and events of the index as objects, made from the columns of the page's data.

type Split = [fold: number, part: string];

/** What the page holds: a list for each property of the videos and of the events. */
export interface Columns {
  dataset: string;
  sources: string[];
  splits: Split[];
  videos: {
    id: string[];
    source: number[];
    recorded: string[];
    duration_s: number[];
    n_events: number[];
    n_in_dataset: number[];
    n_dropped: number[];
    n_observers: (number | null)[];
    confidence: (number | null)[];
    split: number[][];
    verdicts: number[][];
    flags: number[];
    remarks: number[];
    f1: (number | null)[];
  };
  events: {
    video: number[];
    number: number[];
    start_s: number[];
    end_s: number[];
    confidence: number[];
    caption: (string | null)[];
    verdict: number[];
    left_out: number[];
    flags: number[][];
  };
  reasons: string[];
  flag_names: string[];
}

export const VERDICTS = ["none", "accept", "edit", "reject"];

export interface TableEvent {
  id: string;
  start_s: number;
  end_s: number;
  confidence: number;
  caption: string | null;
  verdict: string;
  leftOut: string;
  flags: string[];
  text: string; // the caption in lower case
}

export interface TableVideo {
  id: string;
  source: string;
  parts: string[]; // the part that the video belongs to in each fold, empty where it belongs to none
  duration_s: number;
  nEvents: number;
  nInDataset: number;
  nObservers: number | null;
  confidence: number | null;
  verdicts: number[]; // accept, edit, reject, none
  nFlags: number;
  doubtful: boolean;
  f1: number | null;
  events: TableEvent[];
  text: string; // id and source in lower case
}

/** Returns the number of folds. */
export function foldsOf(data: Columns): number {
  return Math.max(0, ...data.splits.map(([fold]) => fold + 1));
}

/** Returns all videos with their events. */
export function videosOf(data: Columns): TableVideo[] {
  const { videos, events } = data;
  const rows = videos.id.map((id, k): TableVideo => {
    const source = data.sources[videos.source[k]];
    const parts = Array<string>(foldsOf(data)).fill("");
    for (const place of videos.split[k]) parts[data.splits[place][0]] = data.splits[place][1];
    return {
      id, source, parts,
      duration_s: videos.duration_s[k],
      nEvents: videos.n_events[k],
      nInDataset: videos.n_in_dataset[k],
      nObservers: videos.n_observers[k],
      confidence: videos.confidence[k],
      verdicts: videos.verdicts[k],
      nFlags: videos.flags[k],
      doubtful: videos.remarks[k] > 0,
      f1: videos.f1[k],
      events: [],
      text: `${id}\n${source}`.toLowerCase(),
    };
  });
  events.video.forEach((video, k) => {
    const caption = events.caption[k];
    rows[video].events.push({
      id: `${rows[video].id}_${events.number[k]}`,
      start_s: events.start_s[k],
      end_s: events.end_s[k],
      confidence: events.confidence[k],
      caption,
      verdict: VERDICTS[events.verdict[k]],
      leftOut: data.reasons[events.left_out[k]],
      flags: events.flags[k].map((flag) => data.flag_names[flag]),
      text: (caption ?? "").toLowerCase(),
    });
  });
  return rows;
}
