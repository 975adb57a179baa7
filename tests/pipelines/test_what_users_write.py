"""A mistake in what a user writes is refused in one line, whichever pipeline is run."""

import logging

import pytest
from kedro.config import OmegaConfigLoader

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.settings import CONFIG_LOADER_ARGS

PIPELINES = ("train", "generate", "measure", "analyze", "bestiary", "__default__")


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_an_unknown_key_is_refused_by_every_pipeline(kedro_run, tmp_path, pipeline):
    with pytest.raises(ConfigurationError, match=r"methd: is not a known .* mean method\?"):
        kedro_run(pipeline, tmp_path, {"methd": "grpo"})
    with pytest.raises(ConfigurationError, match=r"did you mean bestiary\.unet\.steps\?"):
        kedro_run(pipeline, tmp_path, {"bestiary.unet.step": 1})
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_key_of_an_environment_is_refused(kedro_run, conf, tmp_path):
    (conf / "smoke/parameters_mine.yml").write_text("analyze:\n  grid:\n    image: 3\n")
    with pytest.raises(ConfigurationError, match=r"did you mean analyze\.grid\.images\?"):
        kedro_run("train", tmp_path / "results", conf=conf)
    (conf / "smoke/parameters_mine.yml").write_text("_mine: {image: 3}\n")
    with pytest.raises(ConfigurationError, match=r"none\.txt cannot be read"):
        kedro_run("train", tmp_path / "results", {"train.prompts": "none.txt"}, conf=conf)


@pytest.mark.parametrize(
    "name",
    ["train.runs_folder", "generate.folder", "measure.features", "measure.reports",
     "bestiary.folder", "train.prompts", "generate.prompts"],
)  # fmt: skip
def test_a_place_elsewhere_is_refused(kedro_run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=f"^{name}: 's3://bucket/x' is not a place"):
        kedro_run("train", tmp_path, {name: "s3://bucket/x"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_catalog_elsewhere_is_refused(kedro_run, conf, tmp_path, project_path):
    entry = "type: drift_pipeline.datasets.{}\n  filepath: s3://bucket/x\n"
    for name, kind in (
        ("trained_lora", "LoraDataset"),
        ('"training.epoch_{epoch}.policy"', "PolicyDataset"),
    ):
        (conf / "smoke/catalog_mine.yml").write_text(f"{name}:\n  {entry.format(kind)}")
        with pytest.raises(ConfigurationError, match=r"catalog, .*\.filepath: 's3://bucket/x' is"):
            kedro_run("train", tmp_path / "results", conf=conf)
    assert not (tmp_path / "results").exists()
    assert not (project_path / "s3:").exists()


def test_a_dataset_of_another_type_takes_the_whole_entrys_place(kedro_run, conf, tmp_path):
    """The example of conf/base/catalog_train.yml: what the old type was given is gone."""
    base = (conf / "base/catalog_train.yml").read_text(encoding="utf-8")
    start = base.index("#   training_curve_points:")
    example = base[start : base.index("\n\n", start)].replace("#   ", "")
    (conf / "smoke/catalog_mine.yml").write_text(example + "\n")
    entry = OmegaConfigLoader(str(conf), env="smoke", **CONFIG_LOADER_ARGS)["catalog"]
    assert entry["training_curve_points"].keys() == {"type", "filepath"}
    assert entry["training_curve"]["type"] == "drift_pipeline.datasets.ParquetDataset"
    kedro_run("train", tmp_path / "results", {"train.epochs": 1, "method": "grpo"}, conf=conf)
    run = tmp_path / "results/grpo-pickscore-s42"
    assert (run / "training_curve.yml").read_text().startswith("- clip_fraction:")
    assert not (run / "training_curve.json").exists()
    assert (run / "training_curve.parquet").exists()


def test_long_prompts_and_idle_settings_are_said_before_anything_is_drawn(
    kedro_run, tmp_path, caplog
):
    caplog.set_level(logging.INFO, "drift_pipeline")
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a photo of a cat\na photo of a dog " + "and a cat " * 1000 + "\n")
    changes = {"train.prompts": str(prompts), "generate.prompts": str(prompts)}
    changes |= {"train.epochs": 1, "train.group_size": 2}
    kedro_run("train", tmp_path / "results", changes)
    lines = [record.getMessage() for record in caplog.records]
    first = next(i for i, line in enumerate(lines) if line.startswith("epoch 1/1"))
    for start in (
        "train.prompts: the base model's text encoder reads 14 tokens of a prompt",
        "train.prompts: the reward 'pickscore' reads 14 tokens",
        "train.group_size: the two images of a group have one distance",
    ):
        (place,) = (i for i, line in enumerate(lines) if line.startswith(start))
        assert place < first
    assert "prompt 2 loses 2,99" in caplog.text
    caplog.clear()
    changes["generate.checkpoint_every"] = 1
    kedro_run("generate", tmp_path / "results", changes)
    assert "generate.prompts: the base model's text encoder reads 14 tokens" in caplog.text
    assert "reward" not in caplog.text  # it only draws


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measure.recall_k": 3}, r"measure.recall_k: .* more than 3 images"),
        ({"generate.best_front_images": 3}, r"generate.best_front_images: 3 images .* at least 4"),
        ({"generate.blends.odd": {}}, r"generate.blends.odd: give either anneal or after"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_it_is_drawn(
    kedro_run, tmp_path, changes, message
):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a photo of a cat\n")
    with pytest.raises(ConfigurationError, match=message):
        kedro_run("generate", tmp_path / "results", {"generate.prompts": str(prompts), **changes})
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rewards.pickscore.options.modle": "x"},
         "rewards.pickscore.options.modle: is not an option of .*; did you mean model?"),
        ({"rewards.pickscore.scorer": "torch.nn"}, "rewards.pickscore.scorer: .* be called"),
        ({"reward": "mine", "rewards.mine.scorer": "brightness.Brightness",
          "rewards.mine.options.wait": 3}, "did you mean weight?"),
        ({"encoders.dreamsim.options.size": 3}, "encoders.dreamsim.options.size: is not an opt"),
    ],
)  # fmt: skip
def test_options_that_a_class_does_not_take_are_refused(train, tmp_path, changes, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        train(tmp_path, changes)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
