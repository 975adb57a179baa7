"""The parts of a Stable Diffusion model on the disk: their weights, in any of the usual formats.

Nothing heavy is imported.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

INDEX = "model_index.json"

DIFFUSERS_WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
TRANSFORMERS_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
WEIGHTS = {
    "unet": DIFFUSERS_WEIGHTS,
    "vae": DIFFUSERS_WEIGHTS,
    "text_encoder": TRANSFORMERS_WEIGHTS,
}
"""Names of each part's weights, the preferred one first. Pickles are read with `weights_only`."""

VARIANTS = (None, "fp16", "bf16", "fp32")
"""`save_pretrained(variant=...)`, the preferred one first; the plain files have no variant."""


class BrokenModel(Exception):
    """A model on the disk cannot be used; the message is one line without the model's name."""


def weights_of(part: str) -> tuple[str, ...]:
    """List the names that a part's weights may have, the preferred one first.

    Args:
        part: A key of `WEIGHTS`.

    Example:
        >>> weights_of("text_encoder")[:3]
        ('model.safetensors', 'pytorch_model.bin', 'model.fp16.safetensors')
    """
    return tuple(_named(name, variant) for variant in VARIANTS for name in WEIGHTS[part])


def folder_of(source: str) -> Path | None:
    """Return the folder that has a model's files.

    Args:
        source: A folder, or a Hub id.

    Returns:
        The folder, for a Hub id that of the cache; `None` where it has not been downloaded.
    """
    from huggingface_hub import try_to_load_from_cache

    if Path(source).exists():
        return Path(source)
    index = try_to_load_from_cache(source, INDEX)
    return Path(index).parent if isinstance(index, str) else None


def find_weights(folder: Path, part: str) -> tuple[Path, str | None]:
    """Find a part's weights.

    Args:
        folder: The model.
        part: A key of `WEIGHTS`.

    Returns:
        The file, or the index of a file in pieces, and the variant.

    Raises:
        BrokenModel: Where there are none.
    """
    for variant in VARIANTS:
        for name in WEIGHTS[part]:
            suffix = f".{variant}.json" if variant else ".json"
            for possible in (_named(name, variant), f"{name}.index{suffix}"):
                if (folder / part / possible).is_file():
                    return folder / part / possible, variant
    there = sorted(path.name for path in (folder / part).glob("*"))
    names = ", ".join(_named("*", variant) for variant in VARIANTS if variant)
    raise BrokenModel(
        f"has no weights in {part}/, which must be called {' or '.join(WEIGHTS[part])} (or be a "
        f"variant {names}); it has {', '.join(there) or 'nothing'}"
    )


def variants_of(folder: Path | None) -> dict[str, str]:
    """Return the parts that are there as a variant alone, with its name."""
    if folder is None:
        return {}
    found = {part: find_weights(folder, part)[1] for part in WEIGHTS}
    return {part: variant for part, variant in found.items() if variant}


def check_parts(folder: Path) -> None:
    """Make sure that a model has all its parts, that they are whole, and that they fit together.

    Args:
        folder: The model.

    Raises:
        BrokenModel: With the file, and what is wrong with it.
    """
    for part in WEIGHTS:
        file, _ = find_weights(folder, part)
        if file.suffix == ".json":
            for name in sorted({*read_json(file).get("weight_map", {}).values()}):
                _check_whole(folder, file.with_name(name))
        else:
            _check_whole(folder, file)
    tokenizer = folder / "tokenizer"
    whole = (tokenizer / "tokenizer.json").is_file()
    if not whole and not all((tokenizer / name).is_file() for name in ("vocab.json", "merges.txt")):
        raise BrokenModel("has neither tokenizer.json nor vocab.json and merges.txt in tokenizer/")
    _check_fit(folder)


def read_json(file: Path) -> dict[str, Any]:
    """Read a description that a library has written.

    Raises:
        BrokenModel: Where it is not there, or no JSON object.
    """
    where = f"{file.parent.name}/{file.name}"
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BrokenModel(f"has no {where}") from None
    except (OSError, ValueError) as error:
        raise BrokenModel(f"has a {where} that cannot be read ({error})") from error
    if not isinstance(values, dict):
        raise BrokenModel(f"has a {where} that is no JSON object")
    return values


def _check_whole(folder: Path, file: Path) -> None:
    from safetensors import SafetensorError, safe_open

    where = file.relative_to(folder).as_posix()
    if not file.is_file():
        raise BrokenModel(f"has no {where}")
    with file.open("rb") as content:
        start = content.read(16)
    if start.startswith(b"version https://"):
        raise BrokenModel(f"has a Git LFS pointer for {where}; `git lfs pull` gets the file itself")
    if file.suffix == ".safetensors":
        try:
            with safe_open(file, framework="np"):
                pass
        except (SafetensorError, OSError) as error:
            raise BrokenModel(
                f"has a {where} that is cut short or damaged ({error}); copy or download it again"
            ) from error
    # Pickles older than torch 1.6 are no archives.
    elif not start or (start.startswith(b"PK") and not zipfile.is_zipfile(file)):
        raise BrokenModel(f"has a {where} that is cut short; copy or download it again")


def _check_fit(folder: Path) -> None:
    """See that the denoiser takes what the VAE and the text encoder give."""
    unet, vae, text = (read_json(folder / part / "config.json") for part in WEIGHTS)
    taken, given, latents = (
        unet.get("in_channels", 4), unet.get("out_channels", 4), vae.get("latent_channels", 4)
    )  # fmt: skip
    if not taken == given == latents:
        raise BrokenModel(
            f"has a UNet that takes {taken} channels and gives {given}, where its VAE's latents "
            f"have {latents}; what can be trained draws an image from a text alone"
        )
    width, wanted = text.get("hidden_size", 512), unet.get("cross_attention_dim", 1280)
    if isinstance(wanted, int) and wanted != width:
        raise BrokenModel(
            f"has a text encoder of width {width} and a UNet for texts of width {wanted}"
        )


def _named(name: str, variant: str | None) -> str:
    stem, dot, suffix = name.partition(".")
    return f"{stem}.{variant}{dot}{suffix}" if variant else name
