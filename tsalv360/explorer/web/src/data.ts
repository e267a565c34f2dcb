// The data of a video's page, as tsalv360/explorer/video_page.py writes them: angles in degrees, times in seconds of the
// source video. A picture is a number into `media.frames`, the kept frames.

export interface Track {
  picture: number[];
  yaw: number[];
  pitch: number[];
}

export interface EventTrack extends Track {
  camera_yaw: number[];
  camera_pitch: number[];
  camera_hfov: number[];
}

/** How a found event agrees with the known one that it matches, or else the nearest one. */
export interface Agreement {
  is_matched: boolean;
  name: string | null;
  iou: number | null;
  error_deg: number | null;
  start_error_s: number | null;
  end_error_s: number | null;
}

export interface VideoEvent {
  id: string;
  caption: string | null;
  origin: string;
  left_out: string;
  verdict: "accept" | "edit" | "reject" | null;
  flags: string[];
  remarks: string[];
  start_s: number;
  end_s: number;
  start_frame: number;
  end_frame: number;
  corrected_frames: [number, number] | null;
  segments: [number, number][];
  n_observers: number;
  share: number;
  evidence: number;
  by_chance: number;
  confidence: number;
  colour: number;
  slot: number;
  track: EventTrack;
  known: Agreement | null;
}

export interface KnownEvent {
  name: string;
  start_s: number;
  end_s: number;
  segments: [number, number][];
  found: string | null;
  track: Track;
}

export interface Dropped {
  start_s: number;
  end_s: number;
  yaw: number;
  pitch: number;
  n_observers: number;
  share: number;
  rule: string;
  reason: string;
}

export interface Media {
  file: string;
  from_disk: boolean;
  rate: number;
  frames: number[];
  panorama: [number, number];
  tile: [number, number];
  columns: number;
  slots: number;
  bytes: number;
}

export interface VideoData {
  dataset: string;
  video: string;
  source: string;
  licence: string;
  recorded: "eye" | "head";
  fps: number;
  duration_s: number;
  width: number;
  height: number;
  n_observers: number | null;
  splits: string[];
  banner: string;
  notes: string[];
  remarks: { found: string; expected: string; advice: string; shown: string }[];
  remark_pictures: { text: string; uri: string; width: number; height: number }[];
  cuts_s: number[];
  media: Media;
  sheet: string | null;
  events: VideoEvent[];
  known: KnownEvent[] | null;
  dropped: Dropped[];
  observers: { names: string[]; gaze: string } | null;
  reliability: { agreement: string; chance: string } | null;
}

/** What `predictions/<model>/<video>.js` holds after an evaluation; `models.js` names the models. */
export interface Predictions {
  model: string;
  fold: number;
  clips: {
    clip: string;
    event: string;
    picture: number;
    cc: number;
    cc_wrong: number | null;
    prompt: string;
    wrong: string | null;
    value: number;
    value_wrong: number | null;
    png: string;
    png_wrong: string | null;
  }[];
}

declare global {
  interface Window {
    TSALV360_LIVE?: { checkpoint: string } | null;
    TSALV360_MEDIA?: string;
    TSALV360_MODELS?: string[];
    TSALV360_PREDICTIONS?: Predictions;
    tsalv360?: object;
  }
}
