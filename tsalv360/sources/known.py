"""Gaze formats of data sets, told by how a text file begins."""

from tsalv360.sources.text import NUMBER

FORMATS = {
    "salient360": "fixations of Salient360!",
    "salient360_raw": "raw head and eyes of the Salient360! toolbox",
    "avtrack360": "heads of AVTrack360",
    "vidstr88": "heads of the 88 videos",
    "dsav360": "gaze of D-SAV360",
    "em360": "a recording of 360_em_dataset",
}
_BEGINNING, _FEWEST_TIMES = 4000, 20  # characters at the start of a file; numbers in its first line
_WORDS = {"avtrack360": "pitch_yaw_roll_data_hmd", "em360": "@relation gaze_360"}
_COLUMNS = [
    ("salient360", {"Idx", "longitude", "latitude", "start timestamp", "duration"}),
    ("salient360_raw", {"oculoTS", "meanGazeDir.x"}),
    ("salient360_raw", {"cameraRotation.x", "leftEyeDirection.x"}),
    ("dsav360", {"video", "id", "frame", "t", "u", "v"}),
]


def known_format(text: str) -> str | None:
    """Return the gaze format, one of `FORMATS`, whose form a text has; None for any other."""
    first = text.partition("\n")[0]
    for name, words in _WORDS.items():
        if words in text[:_BEGINNING].lower():
            return name
    times = first.split()
    if len(times) > _FEWEST_TIMES and all(map(NUMBER.fullmatch, times)):
        return "vidstr88"  # line 1: the times of all rows
    header = {name.strip() for name in first.lstrip("# ").split(",")}
    return next((name for name, columns in _COLUMNS if columns <= header), None)
