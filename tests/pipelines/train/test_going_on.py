"""A run goes on only by the source, with the files and in the process that it belongs to."""

import json
import sys
from pathlib import Path

import pytest

from drift_pipeline.common import source
from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import DamagedError
from drift_pipeline.common.lock import FolderLock, InUseError
from drift_pipeline.runs.identity import SOURCE, TRAINING_CODE

NAME = "drift-bright-s42"
REWARD = """
class Bright:
    def __call__(self, images, prompts):
        return {sign}images.float().flatten(1).mean(dim=1)
"""
OWN = {"reward": "bright", "rewards.bright.scorer": "edited_reward.Bright"}
KEY = f"rewards.bright.scorer {SOURCE}"


@pytest.fixture
def reward(tmp_path, monkeypatch):
    """Write a reward of one's own anew, as a later process would see it."""
    monkeypatch.syspath_prepend(tmp_path / "src")

    def write(sign: str) -> None:
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src" / "edited_reward.py").write_text(REWARD.format(sign=sign))
        sys.modules.pop("edited_reward", None)
        source.read.cache_clear()

    write("+")
    yield write
    sys.modules.pop("edited_reward", None)
    source.read.cache_clear()


def parameters(run: Path, epoch: int) -> dict:
    state = run / f"epoch_{epoch:04d}" / "policy" / "state.json"
    return json.loads(state.read_text())["parameters"]


def files(runs: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in runs.rglob("*") if path.is_file()}


def test_an_edited_reward_is_refused_and_continued_knowingly(train, tmp_path, reward, caplog):
    runs = tmp_path / "runs"
    train(runs, {**OWN, "train.epochs": 1})
    before = files(runs)
    reward("-")
    message = (
        rf"{NAME} was trained by other source: rewards.bright.scorer: edited_reward.Bright or what "
        r"it imports \(source \w+ -> source \w+\); .*--params train.if_changed=continue"
    )
    with pytest.raises(ConfigurationError, match=message):
        train(runs, {**OWN, "train.epochs": 2})
    assert files(runs) == before
    train(runs, {**OWN, "train.epochs": 2, "train.if_changed": "continue"})
    assert "continues by other source than before: rewards.bright.scorer" in caplog.text
    old, new = parameters(runs / NAME, 1), parameters(runs / NAME, 2)
    assert {key for key in old if old[key] != new[key]} == {KEY}
    caplog.clear()
    train(runs, {**OWN, "train.epochs": 3})  # once is enough
    assert "other source" not in caplog.text
    reward("+")
    with pytest.raises(ConfigurationError, match="was trained by other source"):
        train(runs, {**OWN, "train.epochs": 4})
    train(runs, {**OWN, "train.epochs": 1, "train.if_changed": "start_over"})
    assert parameters(runs / NAME, 1) == old


def test_edited_training_code_is_refused(train, tmp_path, monkeypatch):
    train(tmp_path, {"train.epochs": 1})
    monkeypatch.setattr("drift_pipeline.runs.run.training_code", lambda: "edited")
    message = r"other source: this package's training code \(\w+ -> edited\)"
    with pytest.raises(ConfigurationError, match=message):
        train(tmp_path, {"train.epochs": 2})
    train(tmp_path, {"train.epochs": 2, "train.if_changed": "continue"})
    run = tmp_path / "drift-pickscore-s42"
    assert parameters(run, 2)[TRAINING_CODE] == "edited" != parameters(run, 1)[TRAINING_CODE]


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "optimizer.safetensors"])
def test_a_flipped_bit_stops_training_before_it_begins(train, kedro_run, tmp_path, name):
    train(tmp_path, {"train.epochs": 1})
    file = tmp_path / "drift-pickscore-s42" / "epoch_0001" / "policy" / name
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    before = files(tmp_path)
    message = rf"{name} is damaged or was changed by hand .*; put the epoch's folder back"
    with pytest.raises(DamagedError, match=message) as error:
        train(tmp_path, {"train.epochs": 2})
    assert "\n" not in str(error.value)
    for pipeline in ("generate", "__default__"):
        with pytest.raises(DamagedError, match=message):
            kedro_run(pipeline, tmp_path, {"train.epochs": 1})
    assert files(tmp_path) == before
    (tmp_path / "drift-pickscore-s42" / "lora" / "README.md").unlink()
    with pytest.raises(DamagedError, match=message):  # nor is it handed on to others
        train(tmp_path, {"train.epochs": 1})


def test_a_second_process_is_refused_and_the_first_not_disturbed(train, tmp_path):
    run = tmp_path / "drift-pickscore-s42"
    with FolderLock(run), pytest.raises(InUseError, match=f"{run} is in use by process"):
        train(tmp_path, {"train.epochs": 1})
    assert not run.exists()
    train(tmp_path, {"train.epochs": 1})
    with FolderLock(run):  # it was released at the end
        pass
    with pytest.raises(ConfigurationError, match="was trained with other parameters"):
        train(tmp_path, {"train.epochs": 2, "train.group_size": 4})
    with FolderLock(run):  # and after a refusal
        pass


def test_an_error_releases_the_lock(train, tmp_path, reward):
    reward("float('nan') * ")
    with pytest.raises(FloatingPointError):
        train(tmp_path / "runs", {**OWN, "train.epochs": 1})
    with FolderLock(tmp_path / "runs" / NAME):
        pass
