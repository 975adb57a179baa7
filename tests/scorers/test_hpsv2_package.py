"""HPSv2 against the `hpsv2` package: its network, tokenizer and preprocessing, one checkpoint."""

import importlib
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType

import open_clip
import pytest
import tiny
import torch
from PIL import Image

from drift_pipeline.scorers.hpsv2 import HPSv2

ARCHITECTURE = {
    "embed_dim": 24,
    "vision_cfg": {
        "image_size": 64, "layers": 3, "width": 48, "head_width": 12, "patch_size": 8,
    },
    "text_cfg": {
        "context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2,
    },
}  # fmt: skip
PROMPTS = ["a red horse at night", "naïve zebra! 日本  &amp; co", "a cat " * 50, ""]


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> ModuleType:
    """The package's fork of open_clip, with two mends that change no number.

    Its wheel lacks the vocabulary, which is open_clip's, and it imports a name from `turtle`, which
    needs Tk and is used nowhere.
    """
    found = importlib.util.find_spec("hpsv2")
    assert found is not None and found.origin is not None, (
        "the reference is missing: pip install --no-deps hpsv2==1.2.0 (`make install` does it)"
    )
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(Path(found.origin).parent / "src/open_clip", folder / "hpsv2_open_clip")
    vocabulary = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    shutil.copy(vocabulary, folder / "hpsv2_open_clip")
    turtle = ModuleType("turtle")
    turtle.forward = None  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "turtle", turtle)
        patch.syspath_prepend(folder)
        return importlib.import_module("hpsv2_open_clip")


@pytest.fixture(scope="module")
def reference(package, tmp_path_factory):
    """A random network made by the package as its `score` makes it, its preprocessing, a folder."""
    folder = tmp_path_factory.mktemp("hpsv2")
    (folder / "small.json").write_text(json.dumps(ARCHITECTURE))
    package.add_model_config(folder / "small.json")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, _, preprocess = package.create_model_and_transforms(
            "small", precision="amp", device="cpu", light_augmentation=True, output_dict=True,
            with_score_predictor=False, with_region_predictor=False,
        )  # fmt: skip
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim > 1:  # features far enough apart to tell them
                    parameter.mul_(3)
    (folder / "small.json").unlink()
    config = {"model_cfg": ARCHITECTURE, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.save({"state_dict": model.state_dict()}, folder / "HPS.pt")
    return model.eval(), preprocess, folder


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (200, 120), (96, 333), (32, 48)])
def test_the_package_scores_the_same(package, reference, size):
    model, preprocess, folder = reference
    images = tiny.make_images(len(PROMPTS), *size)
    scores = HPSv2(folder, folder / "HPS.pt", batch_size=3)(images, PROMPTS)
    tokenizer = package.get_tokenizer("small")
    expected = []
    for image, prompt in zip(images, PROMPTS, strict=True):
        pixels = preprocess(Image.fromarray(image.permute(1, 2, 0).numpy()))
        with torch.no_grad():
            outputs = model(pixels[None], tokenizer([prompt]))
        expected.append((outputs["image_features"] @ outputs["text_features"].T)[0, 0])
    torch.testing.assert_close(scores, torch.stack(expected), atol=1e-5, rtol=0)
    assert scores.std() > 0.01
