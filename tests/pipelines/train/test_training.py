"""A whole run: what it writes, and what is in it."""

import json
import logging
import os
import stat

import pandas as pd
import pytest
import torch
from diffusers import StableDiffusionPipeline
from huggingface_hub import ModelCard
from PIL import Image
from safetensors.torch import load_file

from drift_pipeline.common.image_grid import GAP
from drift_pipeline.datasets import PolicyDataset
from drift_pipeline.drift.selection import select_concentrated
from drift_pipeline.runs import loading

EPOCHS = (1, 2, 3)


def test_everything_of_a_run_is_in_one_folder(finished):
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    epoch = {
        "SHA256SUMS",
        "candidates.parquet",
        "contact_sheet.png",
        "summary.json",
        "updates.parquet",
    }
    expected = {f"epoch_{number:04d}/{name}" for number in EPOCHS for name in epoch}
    expected |= {
        f"epoch_{number:04d}/policy/{name}"
        for number in (0, *EPOCHS)
        for name in ("adapter_model.safetensors", "adapter_config.json", "state.json")
    }
    expected |= {f"epoch_{number:04d}/policy/optimizer.safetensors" for number in (2, 3)}
    expected |= {f"training_curve.{kind}" for kind in ("parquet", "json", "png")}
    expected |= {
        "SHA256SUMS",
        "finished.json",
        "training_pictures.png",
        "lora/pytorch_lora_weights.safetensors",
    }
    expected |= {"lora/kohya.safetensors", "lora/README.md", "lora/SHA256SUMS"}
    assert files == expected
    umask = os.umask(0o022)
    os.umask(umask)
    modes = {name: stat.S_IMODE((finished / name).stat().st_mode) for name in files}
    assert modes == dict.fromkeys(files, 0o666 & ~umask)


@pytest.mark.parametrize("epoch", EPOCHS)
def test_a_row_a_candidate(finished, epoch):
    table = pd.read_parquet(finished / f"epoch_{epoch:04d}" / "candidates.parquet")
    assert list(table.columns) == [
        "epoch", "group", "prompt", "candidate", "seed", "reward", "selected", "diversity",
        "intrinsic", "advantage", "advantage_intrinsic", "advantage_total",
    ]  # fmt: skip
    assert len(table) == 2 * 6
    assert set(table["seed"]) == {42}
    assert table.groupby("group")["prompt"].nunique().eq(1).all()
    assert table.groupby("group")["selected"].sum().eq(3).all()
    chosen = table[table["selected"]]
    assert chosen.notna().all(axis=None)
    assert table.loc[~table["selected"], "diversity":].isna().all(axis=None)
    for _, group in table.groupby("group"):
        best = select_concentrated(torch.tensor(group["reward"].to_numpy()), 3)
        assert set(group.index[group["selected"]]) == {group.index[i] for i in best.tolist()}
    for _, group in chosen.groupby("group"):
        rewards = group["reward"]
        expected = (rewards - rewards.mean()) / (rewards.std(ddof=0) + 1e-8)
        assert group["advantage"].tolist() == pytest.approx(expected.tolist(), abs=1e-4)
        assert group["advantage_intrinsic"].std(ddof=0) == pytest.approx(1, abs=1e-3)
    total = chosen["advantage"] + 0.5 * chosen["advantage_intrinsic"]
    assert chosen["advantage_total"].tolist() == pytest.approx(total.tolist(), abs=1e-5)


def test_a_row_a_gradient_update(finished):
    table = pd.read_parquet(finished / "epoch_0001" / "updates.parquet")
    assert list(table.columns) == [
        "epoch", "update", "loss", "ratio_mean", "ratio_max_dev", "clip_fraction", "kl",
        "clip_fraction_by_step", "gradient_share_by_step", "kl_by_step", "grad_norm", "seconds",
    ]  # fmt: skip
    assert table["update"].tolist() == [0, 1]
    assert table["ratio_max_dev"].iloc[0] < 1e-5
    assert table["kl"].iloc[0] == 0  # the policy is still the base model
    assert table.notna().all(axis=None)
    for shares in table["gradient_share_by_step"]:
        assert sum(shares) == pytest.approx(1)


def test_a_row_an_epoch(finished):
    curve = pd.read_parquet(finished / "training_curve.parquet")
    assert curve["epoch"].tolist() == list(EPOCHS)
    assert set(curve["run"]) == {"drift-pickscore-s42"}
    candidates = pd.read_parquet(finished / "epoch_0002" / "candidates.parquet")
    row = curve.iloc[1]
    assert row["reward_mean"] == pytest.approx(candidates["reward"].mean())
    assert row["diversity"] == pytest.approx(candidates["diversity"].mean())
    assert row["zero_variance_groups"] == 0
    assert all(row[f"seconds_{node}"] > 0 for node in ("rollout", "score", "shape", "update"))
    points = json.loads((finished / "training_curve.json").read_text())
    assert [point["epoch"] for point in points] == list(EPOCHS)


def test_pictures_can_be_looked_at(finished):
    sheet = Image.open(finished / "epoch_0001" / "contact_sheet.png")
    assert sheet.width > 2 * 128
    assert sheet.height > 2 * 128
    colours = [pixel for _, pixel in sheet.convert("RGB").getcolors(10**6)]
    assert len(colours) > 100
    assert Image.open(finished / "training_curve.png").width > 800


def test_the_pictures_of_a_run_follow_one_prompt(finished):
    prompt_of = {}
    for epoch in sorted(finished.glob("epoch_*/contact_sheet.png")):
        table = pd.read_parquet(epoch.with_name("candidates.parquet"))
        prompts = list(table.groupby("group")["prompt"].first())
        sheet = Image.open(epoch)
        height = (sheet.height - GAP) // len(prompts)
        for row, prompt in enumerate(prompts):
            strip = sheet.crop((0, row * height, sheet.width, GAP + (row + 1) * height))
            prompt_of[strip.tobytes()] = prompt
    pictures = Image.open(finished / "training_pictures.png")
    strips = [
        pictures.crop((0, top, pictures.width, top + height + GAP)).tobytes()
        for top in range(0, pictures.height, height + GAP)
    ]
    assert len(strips) > 1
    assert len({prompt_of[strip] for strip in strips}) == 1


def test_the_policy_learns_and_goes_on_learning(finished):
    adapters = [
        load_file(finished / f"epoch_{epoch:04d}" / "policy" / "adapter_model.safetensors")
        for epoch in (0, *EPOCHS)
    ]
    up = next(name for name in adapters[0] if ".lora_B." in name)
    norms = [adapter[up].norm().item() for adapter in adapters]
    assert norms[0] == 0
    assert norms[0] < norms[1] < norms[3]


def test_the_trained_lora_is_the_last_policy(finished, models):
    pipe = StableDiffusionPipeline.from_pretrained(models / "stable_diffusion", safety_checker=None)
    pipe.load_lora_weights(finished / "lora")
    last = PolicyDataset(filepath=str(finished / "epoch_0003" / "policy")).load().adapter
    loaded = dict(pipe.unet.named_parameters())
    for name, tensor in last.items():
        module, half = name.rsplit(".lora_", 1)
        actual = loaded[f"{module}.lora_{half[0]}.default_0.weight"]
        torch.testing.assert_close(actual, tensor * (2 if half.startswith("B") else 1))


def test_the_model_card_is_read_by_the_hub_and_its_code_runs(
    finished, models, project_path, tmp_path, monkeypatch
):
    text = (finished / "lora/README.md").read_text(encoding="utf-8")
    card = ModelCard(text)
    assert card.data.library_name == "diffusers" and "drift" in card.data.tags
    curve = pd.read_parquet(finished / "training_curve.parquet")
    for key in ("reward_mean", "diversity"):
        assert f"| {curve[key].iloc[0]:.4g} | {curve[key].iloc[-1]:.4g} |" in text
    code = text.split("```python\n")[1].split("```")[0]
    # The bestiary's files are in fp16, and a loader that keeps that mixes number formats.
    base = models / "stable_diffusion"
    half = StableDiffusionPipeline.from_pretrained(base, dtype=torch.float16, safety_checker=None)
    half.save_pretrained(tmp_path / "half")
    monkeypatch.chdir(project_path)
    names: dict = {}
    exec(code.replace(str(base), str(tmp_path / "half")), names)
    assert names["pipe"].get_active_adapters() == ["default_0"]
    assert names["image"].size == (64, 64)


def test_other_methods_train(train, tmp_path, caplog):
    """DDPO on the batch with the KL term's preset switched in, and rewards merged (Eq. 12)."""
    caplog.set_level(logging.INFO, "drift_pipeline")
    train(tmp_path, {"method": "ddpo", "train.epochs": 1, "methods.ddpo.kl_beta": 0.1})
    table = pd.read_parquet(tmp_path / "ddpo-pickscore-s42" / "epoch_0001" / "candidates.parquet")
    assert len(table) == 6
    assert table["selected"].all()
    assert table["advantage_total"].mean() == pytest.approx(0, abs=1e-5)
    assert table["advantage_total"].std(ddof=0) == pytest.approx(1, abs=1e-3)
    train(tmp_path, {"method": "shaping_reward", "train.epochs": 1, "seed": 7})
    table = pd.read_parquet(
        tmp_path / "shaping_reward-pickscore-s7" / "epoch_0001" / "candidates.parquet"
    )
    low, high = 7.7, 16.8  # the reward's bounds
    merged = (table["reward"] - low) / (high - low) + 0.5 * table["intrinsic"]
    for _, group in table.assign(merged=merged).groupby("group"):
        expected = group["merged"] - group["merged"].mean()
        expected /= group["merged"].std(ddof=0) + 1e-8
        assert group["advantage_total"].tolist() == pytest.approx(expected.tolist(), abs=1e-3)


def test_a_run_says_what_it_does(train, tmp_path, caplog):
    caplog.set_level(logging.INFO, "drift_pipeline")
    train(tmp_path, {"train.epochs": 1})
    text = caplog.text
    for part in (
        f"Run drift-pickscore-s42 in {tmp_path}/drift-pickscore-s42",
        "2 groups of 45 prompts × 6 candidates = 12 samples in 2 steps; 3 per group (concentrated) "
        "= 6 trained in 2 gradient updates of 3 samples",
        "trainable parameters (LoRA r=8, alpha=16), on cpu in fp32",
        "epoch 1/1  reward ",
        "zero-variance groups 0/2",
        " s, shape ",
        "Finished: ",
    ):
        assert part in text, part


def test_a_reward_of_ones_own_trains(train, tmp_path):
    """Any class that can be imported, by its dotted path."""
    changes = {
        "reward": "brightness",
        "rewards.brightness.scorer": "brightness.Brightness",
        "rewards.brightness.options.weight": 2.0,
        "rewards.brightness.bounds": [0, 2],
        "train.epochs": 1,
    }
    train(tmp_path, changes)
    epoch = tmp_path / "drift-brightness-s42" / "epoch_0001"
    rewards = pd.read_parquet(epoch / "candidates.parquet")["reward"]
    assert rewards.between(0, 2).all()
    assert rewards.nunique() > 1
    assert (epoch / "policy" / "state.json").exists()


def test_what_was_not_measured_is_null(train, tmp_path):
    """DVC and others read JSON, which knows no NaN."""
    train(tmp_path, {"train.epochs": 1, "train.optimization.measure_kl_rows": 0})
    run = tmp_path / "drift-pickscore-s42"
    for name in ("epoch_0001/summary.json", "training_curve.json"):
        text = (run / name).read_text()
        assert '"kl": null' in text
        assert "NaN" not in text
    curve = pd.read_parquet(run / "training_curve.parquet")
    assert curve["kl"].dtype == float
    assert curve["kl"].isna().all()


def test_an_embedding_that_is_not_finite_stops_the_run(train, tmp_path, monkeypatch):
    load = loading.load_encoder

    def broken(run):
        encoder = load(run)
        return lambda images: encoder(images).index_fill(0, torch.tensor([4]), float("nan"))

    monkeypatch.setattr(loading, "load_encoder", broken)
    message = (
        r"epoch 1, group 1 \('a photo of .*'\), candidate \d: the embedding of the encoder 'dr"
    )
    with pytest.raises(FloatingPointError, match=message):
        train(tmp_path, {"train.epochs": 2})
    assert not (tmp_path / "drift-pickscore-s42" / "epoch_0001" / "policy").exists()
