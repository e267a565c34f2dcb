"""How well a caption fits the pictures of a viewport, by CLIP."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from tsalv360.job.errors import InputError

ARCHITECTURE = "RN50-quickgelu"


class Similarity:
    """CLIP RN50 with weights from a file."""

    def __init__(self, weights: str | Path) -> None:
        """Load the weights; InputError where there is no such file, or it holds another model."""
        import open_clip

        if not Path(weights).is_file():
            raise InputError(weights, "no such file", f"weights of CLIP {ARCHITECTURE}", "Correct --clip-weights.")
        try:
            # by its absolute path: a bare name such as `openai` means weights to download
            self._model, _, self._transform = open_clip.create_model_and_transforms(
                ARCHITECTURE, pretrained=str(Path(weights).absolute()), weights_only=True
            )
        except Exception as error:  # damage shows as any of a dozen kinds
            found = f"no weights that can be read ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
            raise InputError(weights, found, f"those of CLIP {ARCHITECTURE}", "Name another file.") from None
        self._model.eval()

    @cached_property
    def _tokenize(self) -> Any:
        import open_clip

        return open_clip.get_tokenizer(ARCHITECTURE)

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str], pictures: NDArray[np.uint8]) -> list[float]:
        """Return the mean cosine of each text with the RGB pictures [T, H, W, 3]: −1 to 1; 0.15 to 0.35 is usual."""
        images = torch.stack([self._transform(Image.fromarray(picture)) for picture in pictures])
        image_vectors = self._model.encode_image(images, normalize=True)
        return (self._model.encode_text(self._tokenize(list(texts)), normalize=True) @ image_vectors.T).mean(1).tolist()
