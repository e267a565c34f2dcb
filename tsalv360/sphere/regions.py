"""Connected regions of ERP maps."""

import numpy as np
from numpy.typing import NDArray


def label_regions(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of the connected region of each pixel [H, W], 0 outside; regions go on over the seam.

    Pixels that touch by a corner are connected. Numbers are above 0 and may leave some out.
    """
    from skimage.measure import label  # slow to import

    labels = np.asarray(label(np.pad(mask, ((0, 0), (0, 1)), mode="wrap"), connectivity=2))
    for row in np.flatnonzero(mask[:, 0]):  # the first column is there twice, once beyond the last
        if labels[row, -1] != labels[row, 0]:
            labels[labels == labels[row, -1]] = labels[row, 0]
    return labels[:, :-1]
