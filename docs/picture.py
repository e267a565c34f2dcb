"""Draw the README's picture from the built demo: python docs/picture.py [event]."""

import sys
from pathlib import Path

import cv2
import numpy as np

from tsalv360.files import read_json
from tsalv360.frames import write_picture
from tsalv360.video import read_pictures

event = sys.argv[1] if len(sys.argv) > 1 else "001_2"
folder = Path("results/demo/viewports", event.split("_")[0])
length = read_json(folder / "viewports.json")["events"][event]
middle = [length["lead_in"] + length["pictures"] // 2]
views = [read_pictures(folder / f"{event}{kind}.mp4", middle)[0][..., ::-1] for kind in ("", ".overlay")]
poster = cv2.imread(str(folder / f"{event}.jpg"))
row = np.hstack([cv2.resize(view, (480, 360), interpolation=cv2.INTER_AREA) for view in views])
write_picture(Path("docs/demo.jpg"), np.vstack([poster, row]).astype(np.uint8))
