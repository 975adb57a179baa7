"""A run without its models stops before it starts, in one line that helps."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("pipeline", ["train", "measure"])
def test_a_run_without_its_models_says_what_helps(project_path, tmp_path, pipeline):
    """One line that names every missing model, where it comes from, and the command."""
    folders = ",".join(
        f"{name}={tmp_path / name}"
        for name in ("train.runs_folder", "generate.folder", "measure.features", "measure.reports",
                     "encoders.dreamsim.options.folder")
    )  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-m", "kedro", "run", "--pipelines", pipeline, "--env=paper",
         "--params", folders],
        cwd=project_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "hub")},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    params = f"encoders.dreamsim.options.folder={tmp_path / 'encoders.dreamsim.options.folder'}"
    assert line.endswith(f"python -m drift_pipeline fetch --env paper --params {params}")
    assert "the Hugging Face Hub" in line
    models = [
        "yuvalkirstain/PickScore_v1",
        "laion/CLIP-ViT-H-14-laion2B-s32B-b79K",
        "DreamSim ensemble",
    ]
    if pipeline == "train":
        models += ["train.base_model: stable-diffusion-v1-5/stable-diffusion-v1-5"]
    else:
        models += ["xswu/HPSv2", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"]
    assert not [model for model in models if model not in line]
    assert "Traceback" not in ended.stderr + ended.stdout
    assert not (tmp_path / "train.runs_folder").exists()
