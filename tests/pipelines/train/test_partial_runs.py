"""Nodes that are named on the command line run, with what they need and nothing else."""

import logging
import shutil
from pathlib import Path

import pytest
from contents import contents
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.session.resuming import one_at_a_time

NAME = "drift-pickscore-s42"
THREE = {"train.epochs": 3}
LAST = "training.epoch_0003"
OPTIMIZER = "optimizer.safetensors"


@pytest.fixture
def runs(finished, tmp_path) -> Path:
    """A copy of a finished run of three epochs."""
    shutil.copytree(finished, tmp_path / NAME)
    card = tmp_path / NAME / "lora/README.md"  # says where the adapter lies
    text = card.read_text(encoding="utf-8").replace(str(finished.parent), str(tmp_path))
    card.write_text(text, encoding="utf-8")
    return tmp_path


def stamps(runs: Path) -> dict[str, int]:
    """When each file was written; checksums aside."""
    files = (path for path in (runs / NAME).rglob("*") if path.is_file())
    files = (path for path in files if path.name not in ("SHA256SUMS", ".lock"))
    return {str(path.relative_to(runs / NAME)): path.stat().st_mtime_ns for path in files}


def files_of(epoch: int) -> set[str]:
    names = ("candidates.parquet", "contact_sheet.png", "summary.json", "updates.parquet")
    policy = ("adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors",
              "state.json")  # fmt: skip
    return {
        f"epoch_{epoch:04d}/{name}" for name in (*names, *(f"policy/{name}" for name in policy))
    }


ENDS = {
    "finished.json",
    "training_pictures.png",
    *(f"training_curve.{kind}" for kind in ("parquet", "json", "png")),
}
LORA = {f"lora/{name}" for name in ("README.md", "kohya.safetensors",
                                    "pytorch_lora_weights.safetensors")}  # fmt: skip


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ({"namespaces": [LAST]}, files_of(3)),
        ({"from_nodes": [f"{LAST}.rollout"]}, files_of(3) | ENDS | LORA),
        ({"from_inputs": ["training.epoch_0002.policy"]}, files_of(3) | ENDS | LORA),
        ({"from_nodes": [f"{LAST}.rollout"], "to_outputs": [f"{LAST}.policy"]},
         files_of(3) - {"epoch_0003/contact_sheet.png"}),
        ({"node_names": ["training.epoch_0002.contact_sheet"]}, {"epoch_0002/contact_sheet.png"}),
        ({"node_names": [f"{LAST}.score"]}, set()),
        ({"to_outputs": [f"{LAST}.images"]}, set()),
        ({"node_names": ["training.training_curve"], "only_missing_outputs": True}, set()),
        ({"to_outputs": ["training_curve"]}, set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_named_nodes_run_with_what_they_need_and_nothing_else(
    train, finished, runs, options, written
):
    before = stamps(runs)
    train(runs, THREE, **options)
    after = stamps(runs)
    assert {name for name in after if after[name] != before.get(name)} == written
    assert contents(runs / NAME) == contents(finished)


def test_all_epochs_again_end_where_they_ended(train, finished, runs, caplog):
    caplog.set_level(logging.INFO, "drift_pipeline")
    before = stamps(runs)
    train(runs, THREE, from_nodes=["training.epoch_0001.rollout"])
    again = {name for name, time in stamps(runs).items() if time != before.get(name)}
    assert again >= (files_of(1) | files_of(2)) - {
        f"epoch_000{n}/policy/optimizer.safetensors" for n in (1, 2)
    }
    assert contents(runs / NAME) == contents(finished)
    assert "All 3 epochs are trained" not in caplog.text
    assert "and for that " in caplog.text and "load_base_model" in caplog.text


def test_what_is_named_on_a_fresh_folder_makes_what_it_needs(train, finished, tmp_path):
    train(tmp_path, {"train.epochs": 2}, node_names=["training.epoch_0002.rollout"])
    found = contents(tmp_path / NAME)
    assert (
        found["epoch_0001/policy/adapter_model.safetensors"]
        == (finished / "epoch_0001/policy/adapter_model.safetensors").read_bytes()
    )
    assert not (tmp_path / NAME / "epoch_0002").exists()


@pytest.mark.parametrize("options", [{"from_nodes": ["training.epoch_0002.rollout"]},
                                     {"namespaces": ["training.epoch_0002"]}])  # fmt: skip
def test_an_epoch_whose_optimizer_is_forgotten_is_refused(train, runs, options):
    before = stamps(runs)
    message = (
        r"training.epoch_0002 cannot be trained by itself: .* after epoch 1 is not there.*"
        r"train from training.epoch_0001.rollout or training.epoch_0003.rollout with --from-nodes"
    )
    with pytest.raises(ConfigurationError, match=message):
        train(runs, THREE, **options)
    assert stamps(runs) == before


def test_a_last_epoch_without_its_optimizer_is_refused_before_anything_runs(train, runs):
    (runs / NAME / "epoch_0003" / "policy" / "optimizer.safetensors").unlink()
    before = stamps(runs)
    message = r"epoch_0004 cannot be trained by itself: .* from .*epoch_0001.rollout or .*_0003"
    with pytest.raises(ConfigurationError, match=message):
        train(runs, {"train.epochs": 4})
    assert stamps(runs) == before


def test_other_code_may_not_train_an_epoch_again(train, runs, monkeypatch):
    """What was made of that epoch stays, so the epoch must come out as it was."""
    monkeypatch.setattr("drift_pipeline.runs.run.training_code", lambda: "edited")
    before = stamps(runs)
    for changes in (THREE, {**THREE, "train.if_changed": "continue"}):
        with pytest.raises(ConfigurationError, match=r"was trained by other source"):
            train(runs, changes, namespaces=[LAST])
    assert stamps(runs) == before
    changes = {"train.epochs": 4, "train.if_changed": "continue"}
    train(runs, changes, namespaces=["training.epoch_0004"])
    assert stamps(runs).keys() > before.keys() - {f"epoch_0002/policy/{OPTIMIZER}"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"node_names": ["training.epoch_0009.rollout"]}, "node_names=training.epoch_0009.rollout"),
        ({"namespaces": ["training.epoch_0009"]}, "namespaces=training.epoch_0009: "),
        ({"from_inputs": ["nothing"]}, r"Pipeline does not contain datasets named \['nothing'\]"),
        ({"tags": ["gpu"]}, "tags=gpu: Pipeline contains no nodes"),
        ({"load_versions": {"training_curve": "2026-01-01T00.00.00.000Z"}},
         "--load-versions: training_curve is not versioned"),
    ],
)  # fmt: skip
def test_names_that_are_not_there_are_refused_in_one_line(train, runs, options, message):
    before = stamps(runs)
    with pytest.raises(ConfigurationError, match=message) as error:
        train(runs, THREE, **options)
    assert "\n" not in str(error.value)
    assert stamps(runs) == before


@pytest.mark.parametrize("epochs", [2, 2, 5], ids=["first", "the same graph", "another graph"])
def test_an_unknown_pipeline_is_refused_with_the_known_ones(kedro_run, tmp_path, epochs):
    message = "unknown pipeline 'trian'; known are: __default__, analyze, bestiary, generate, mea"
    with pytest.raises(ConfigurationError, match=message):
        kedro_run("trian", tmp_path, {"train.epochs": epochs})


def test_starting_over_does_not_go_with_some_nodes(train, runs):
    before = stamps(runs)
    with pytest.raises(ConfigurationError, match=r"train.start_over: .* does not go with a choice"):
        train(runs, {**THREE, "train.start_over": True}, namespaces=[LAST])
    assert stamps(runs) == before


@pytest.mark.parametrize("runner", [ThreadRunner(), SequentialRunner(is_async=True)])
def test_nodes_run_one_after_another_whatever_is_asked_for(train, finished, runs, runner, caplog):
    train(runs, THREE, namespaces=[LAST], runner=runner)
    assert "so they run one after another" in caplog.text
    assert contents(runs / NAME) == contents(finished)


def test_runners_of_ones_own_are_left_alone():
    class Own(SequentialRunner):
        pass

    for runner in (None, SequentialRunner(), Own()):
        assert one_at_a_time(runner) is runner
    for runner in (ThreadRunner(), ParallelRunner()):
        assert type(one_at_a_time(runner)) is SequentialRunner
