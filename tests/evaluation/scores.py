"""A scores table of random numbers."""

import numpy as np
import pandas as pd

from tsalv360.contracts.tables import SCORES
from tsalv360.evaluation.summary import COLUMNS


def made_scores(seed: int = 0, n_videos: int = 6) -> pd.DataFrame:
    """Return random scores; a video's first clip shows no other event, the second one of the same caption."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "fold": video % 2,
            "clip_id": f"{video}_1_{clip}",
            "event_id": f"{video}_1",
            "video": str(video),
            "source": "ab"[video % 2],
            "predictor": predictor,
            "event_s": 1.5 + video,
            "peak_pitch_deg": -12.0 * video,
            "target_peak": 200,
            "n_others": int(clip > 0),
            "n_wrong": int(clip > 1),
            "peak": 0.5,
            **dict(zip(COLUMNS, rng.random(len(COLUMNS)), strict=True)),
        }
        for video in range(n_videos)
        for clip in range(2 + video)
        for predictor in ("model", "wrong_prompt")
        if predictor == "model" or clip > 1
    ]
    return pd.DataFrame(rows)[list(SCORES)]
