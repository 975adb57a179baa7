"""Images between the parts of this project: uint8 RGB tensors `(n, 3, h, w)`."""

from collections.abc import Iterable
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_pil(images: Tensor) -> list[Image.Image]:
    """Turn a batch of images into PIL images, for the libraries' own preprocessing.

    Args:
        images: `(n, 3, h, w)`, uint8, RGB.

    Returns:
        The n images, bit for bit.

    Raises:
        ValueError: If it is not such a tensor.
    """
    check_images(images)
    return [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).cpu().numpy()]


def check_images(images: Tensor) -> None:
    """Refuse what is not `(n, 3, h, w)`, uint8.

    Raises:
        ValueError: If it is anything else; the message says what.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(
            "images must be uint8 of shape (n, 3, height, width), "
            f"got {images.dtype} of shape {tuple(images.shape)}"
        )


def to_png(images: Tensor) -> list[bytes]:
    """Compress a batch of images without loss.

    Args:
        images: `(n, 3, h, w)`, uint8, RGB.

    Returns:
        The bytes of n PNG files.
    """
    files = []
    for image in to_pil(images):
        buffer = BytesIO()
        image.save(buffer, "PNG")
        files.append(buffer.getvalue())
    return files


def from_png(files: Iterable[bytes]) -> Tensor:
    """Read the images in PNG files of one size.

    Returns:
        `(n, 3, h, w)`, uint8, RGB.
    """
    images = [np.array(Image.open(BytesIO(file)).convert("RGB")) for file in files]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
