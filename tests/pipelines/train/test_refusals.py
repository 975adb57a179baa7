"""What cannot be done is said in one line, before anything is done."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from drift_pipeline.common.errors import ConfigurationError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "dirft"}, "unknown method 'dirft'; known are: drift, grpo"),
        ({"reward": "pixels"}, "unknown reward 'pixels'; known are: pickscore, hpsv2"),
        ({"methods.drift.candidates": 0}, "the group size is larger than the number of cand"),
        ({"train.prompt_noise.scale": -1}, "train.prompt_noise.scale: .*"),
        ({"train.grop_size": 4}, "train.grop_size: is not a known parameter"),
        ({"train.base_model": "/none/sd"}, "train.base_model: the base model is not at /none/sd"),
        ({"train.prompts": "data/none.txt"}, "train.prompts: .*none.txt cannot be read"),
    ],
)
def test_a_mistake_is_refused_before_anything_is_written(train, tmp_path, changes, message):
    with pytest.raises(ConfigurationError, match=message) as error:
        train(tmp_path, changes)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ({"_class_name": "StableDiffusionXLPipeline"},
         "is a StableDiffusionXLPipeline; what can be trained are Stable Diffusion 1.x and 2.x"),
        (None, "has no model_index.json that names a pipeline; it must be a folder"),
    ],
)  # fmt: skip
def test_what_is_no_stable_diffusion_1_or_2_is_refused(train, tmp_path, index, message):
    model = tmp_path / "model"
    model.mkdir()
    if index:
        (model / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ConfigurationError, match=f"train.base_model: {model} {message}") as error:
        train(tmp_path / "runs", {"train.base_model": str(model)})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("pipeline", ["train", "generate"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.sampling.steps": 1}, "train.sampling.steps=1 .*: the first of 1 timesteps is 1 "),
        ({"clip_sample": True}, r"scheduler_config.json \(DDIMScheduler\): clip_sample: true"),
    ],
)
def test_a_model_that_cannot_be_sampled_from_is_refused_before_it_loads(
    kedro_run, models, tmp_path, pipeline, changes, message
):
    model = shutil.copytree(models / "stable_diffusion", tmp_path / "model")
    (model / "unet/diffusion_pytorch_model.safetensors").rename(
        model / "unet/diffusion_pytorch_model.fp16.safetensors"
    )
    if "clip_sample" in changes:
        file = model / "scheduler/scheduler_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))
        changes = {}
    with pytest.raises(ConfigurationError, match=f"train.base_model: {model} .*{message}") as error:
        kedro_run(pipeline, tmp_path / "runs", {"train.base_model": str(model), **changes})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()


def test_prompts_with_mistakes_are_refused_with_their_lines(train, tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a cat\n\na dog\n")
    with pytest.raises(ConfigurationError, match="blank lines: 2"):
        train(tmp_path, {"train.prompts": str(prompts)})
    prompts.write_text("a cat\na cat\n")
    with pytest.raises(ConfigurationError, match="'a cat' twice, on lines 1 and 2"):
        train(tmp_path, {"train.prompts": str(prompts)})
    assert list(tmp_path.iterdir()) == [prompts]


def test_a_scorer_that_cannot_be_imported_is_named(train, tmp_path):
    changes = {"rewards.pickscore.scorer": "drift_pipeline.scorers.none.Scorer"}
    with pytest.raises(ConfigurationError, match=r"rewards.pickscore.scorer: cannot import 'drif"):
        train(tmp_path, changes)


def test_a_model_that_is_not_there_is_named(train, tmp_path):
    with pytest.raises(ConfigurationError, match=r"rewards.pickscore.scorer: .*/none/pickscore"):
        train(tmp_path, {"rewards.pickscore.options.model": "/none/pickscore"})


def test_the_command_line_prints_one_line(project_path):
    command = [sys.executable, "-m", "kedro", "run", "--pipelines=train", "--params=method=dirft"]
    ended = subprocess.run(
        command, cwd=project_path, env=os.environ, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "Error: unknown method 'dirft'; known are: drift, grpo" in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout
