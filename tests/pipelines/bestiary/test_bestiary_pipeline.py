"""The whole bestiary in miniature: every node runs, every model is loaded by its adapter."""

import pytest
import tiny
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from drift_pipeline.bestiary.install import install
from drift_pipeline.bestiary.reader import ReadKind
from drift_pipeline.config.bestiary import Bestiary
from drift_pipeline.datasets import ModelFolderDataset
from drift_pipeline.encoders.dreamsim import DreamSim
from drift_pipeline.encoders.openclip import OpenCLIP
from drift_pipeline.pipelines.bestiary import create_pipeline
from drift_pipeline.policies.stable_diffusion import StableDiffusion
from drift_pipeline.scorers.hpsv2 import HPSv2
from drift_pipeline.scorers.pickscore import PickScore

FIT = {"steps": 2, "batch": 6, "learning_rate": 1e-3}
NETWORKS = ("vae", "clip", "openclip", "unet", "preferences", "dreamsim", "reader")
MODELS = ("stable_diffusion", "openclip", "pickscore", "hpsv2", "dreamsim", "reader")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("world") / "bestiary")


def make(folder):
    parameters = Bestiary(
        folder=str(folder),
        seed=1,
        pictures=180,
        held_out=90,
        judged=2,
        guidance_scale=5.0,
        inference_steps=2,
        eta=1.0,
        dreamsim_tuning_steps=2,
        **dict.fromkeys(NETWORKS, FIT),
    )
    pipeline = create_pipeline()
    catalog = DataCatalog({name: MemoryDataset(copy_mode="assign") for name in pipeline.datasets()})
    catalog["params:bestiary"] = parameters
    for name in MODELS:
        path = str(parameters.draft / name)
        catalog[f"bestiary.{name}"] = ModelFolderDataset(filepath=path)
    SequentialRunner().run(pipeline, catalog)
    assert install(parameters.draft, folder) is None
    return folder, catalog


def test_the_report_has_every_model_and_its_numbers_are_shares(made):
    _, catalog = made
    metrics = catalog["bestiary.metrics"].load()
    shares = {
        "clip": "named_drawings",
        "openclip": "named_drawings",
        "pickscore": "pair_accuracy",
        "hpsv2": "pair_accuracy",
        "dreamsim": "triplet_accuracy",
        "generated": "named",
        "reader": "coat",
    }
    for model, measure in shares.items():
        assert 0 <= metrics[model][measure] <= 1
    assert 1 < metrics["files"]["megabytes"] <= 16


def test_the_sheet_shows_all_animals(made):
    _, catalog = made
    sheet = catalog["bestiary.sheet"].load()
    assert sheet.size[0] > 5 * 4 * 64
    assert sheet.size[1] > 9 * 64


def test_the_adapters_load_what_was_saved(made):
    folder, _ = made
    images = tiny.make_images(2, 64, 64)
    prompts = ["a photo of a cat", "a photo of an ant"]
    hpsv2 = folder / "hpsv2"
    pick = str(folder / "pickscore")
    assert PickScore(pick, pick)(images, prompts).shape == (2,)
    assert HPSv2(str(hpsv2), str(hpsv2 / "HPS_v2_bestiary.pt"))(images, prompts).shape == (2,)
    assert OpenCLIP(str(folder / "openclip"))(images).shape == (2, 64)
    assert DreamSim(str(folder / "dreamsim"), image_size=64)(images).shape == (2, 128)
    assert ReadKind(folder / "reader", "coat")(images, prompts).shape == (2,)
    assert StableDiffusion(folder / "stable_diffusion", device="cpu").latent_shape == (16, 8, 8)


def test_the_same_seed_makes_the_same_files(made, tmp_path):
    folder, catalog = made
    other, again = make(tmp_path / "bestiary")
    files = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    assert files == sorted(f.relative_to(other) for f in other.rglob("*") if f.is_file())
    assert [file for file in files if file.suffix in (".safetensors", ".pt", ".tar")]
    for file in files:
        assert (folder / file).read_bytes() == (other / file).read_bytes(), file
    assert again["bestiary.metrics"].load() == catalog["bestiary.metrics"].load()


def test_models_in_use_are_replaced_at_once_and_set_aside(tmp_path):
    folder, draft = tmp_path / "bestiary", tmp_path / ".bestiary.draft"
    for name, text in (("vae", "old"), ("clip", "kept")):
        (folder / name).mkdir(parents=True)
        (folder / name / "weights").write_text(text)

    (draft / "vae").mkdir(parents=True)
    (draft / "vae/weights").write_text("old")
    assert install(draft, folder) is None  # the same bits were made again

    (draft / "vae").mkdir(parents=True)
    (draft / "vae/weights").write_text("new")
    aside = install(draft, folder)
    assert aside == tmp_path / "set_aside/bestiary-1"
    assert (aside / "vae/weights").read_text() == "old"
    assert (folder / "vae/weights").read_text() == "new"
    assert (folder / "clip/weights").read_text() == (aside / "clip/weights").read_text() == "kept"
    assert not draft.exists()


@pytest.fixture
def in_use(tmp_path):
    """A folder of models that runs load, beside what a killed process has left of its draft."""
    folder, draft = tmp_path / "bestiary", tmp_path / ".bestiary.draft"
    for path, text in ((folder / "openclip", "in use"), (folder / "vae", "kept"),
                       (draft / "openclip", "left"), (draft / "pickscore", "left")):  # fmt: skip
        path.mkdir(parents=True)
        (path / "weights").write_text(text)
    return folder


@pytest.fixture
def train_some(kedro_run, tmp_path, in_use):
    """Train the miniature's CLIP and DreamSim by Kedro, or one of them."""
    small = {f"bestiary.{name}.{key}": value for name in NETWORKS for key, value in FIT.items()}
    changes = {
        **small, "bestiary.folder": str(in_use), "bestiary.pictures": 90, "bestiary.held_out": 90,
        "bestiary.dreamsim_tuning_steps": 2,
    }  # fmt: skip

    def run(*nodes):
        kedro_run("bestiary", tmp_path, changes, node_names=[
            f"bestiary.{node}" for node in ("draw_pictures", "make_tokenizer", *nodes)
        ])  # fmt: skip

    return run


def test_an_unfinished_bestiary_changes_nothing(train_some, in_use, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("stopped")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
        patch.setattr("drift_pipeline.bestiary.training.similarity.train_dreamsim", fail)
        train_some("train_openclip", "train_dreamsim")
    assert (in_use / "openclip/weights").read_text() == "in use"
    names = sorted(str(path.relative_to(in_use)) for path in in_use.rglob("*"))
    assert names == ["openclip", "openclip/weights", "vae", "vae/weights"]


def test_the_catalog_writes_where_the_finished_models_are_taken_from(train_some, in_use):
    train_some("train_openclip")
    assert OpenCLIP(str(in_use / "openclip"))(tiny.make_images(1, 64, 64)).shape == (1, 64)
    assert (in_use / "vae/weights").read_text() == "kept"
    aside = in_use.parent / "set_aside/bestiary-1"
    assert (aside / "openclip/weights").read_text() == "in use"
    # Of what a killed process has left, nothing was taken over.
    assert sorted(path.name for path in in_use.iterdir()) == ["openclip", "vae"]
    assert not (in_use.parent / ".bestiary.draft").exists()
