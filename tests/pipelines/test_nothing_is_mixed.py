"""What is measured and shown is of the policy, the judge and the run that it is said to be of."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import tiny

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.datasets import ParquetDataset
from drift_pipeline.datasets.policy import PolicyDataset
from drift_pipeline.session.resuming import ResumingSession

RUN = "grpo-pickscore-s42"
GRPO = {"method": "grpo", "train.epochs": 1}
RANK_2 = {"train.lora.rank": 2}


@pytest.fixture(scope="module")
def evaluated(kedro_run, tmp_path_factory) -> Path:
    results = tmp_path_factory.mktemp("evaluated")
    for pipeline in ("train", "generate", "measure"):
        kedro_run(pipeline, results, GRPO)
    return results


@pytest.fixture
def results(evaluated, tmp_path) -> Path:
    """A run from training to its measures, to be changed by the test."""
    return shutil.copytree(evaluated, tmp_path / "results")


def policy_of(results: Path) -> str:
    state = results / RUN / "epoch_0001/policy/state.json"
    return json.loads(state.read_text())["fingerprint"]


def drawn_by(results: Path) -> str:
    """The policy that the pictures are said to be of."""
    made_of = results / "pictures" / RUN / "epoch_0001/images/made_of.json"
    return json.loads(made_of.read_text())["policy"]


def shards(results: Path) -> list[bytes]:
    folder = results / "pictures" / RUN / "epoch_0001/images"
    return [path.read_bytes() for path in sorted(folder.glob("*.parquet"))]


@pytest.mark.parametrize("how", [{"train.start_over": True}, {"train.if_changed": "start_over"}])
def test_a_run_that_is_started_over_is_drawn_and_measured_anew(results, kedro_run, how):
    before, old = shards(results), policy_of(results)
    kedro_run("__default__", results, {**GRPO, **RANK_2, **how}, to_outputs=["run_metrics"])
    assert drawn_by(results) == policy_of(results) != old
    assert shards(results) != before
    table = pd.read_parquet(results / "features" / RUN / "epoch_0001/embeddings.parquet")
    assert table["pictures"].nunique() == 1
    new = table["pictures"].iloc[0]
    old_table = pd.read_parquet(results / "features/base/epoch_0000/embeddings.parquet")
    assert new not in {*old_table["pictures"]}


def test_a_damaged_run_can_be_started_over(results, kedro_run):
    (results / RUN / "epoch_0001/policy/state.json").write_text("{")
    changes = {**GRPO, "train.start_over": True}
    kedro_run("__default__", results, changes, to_outputs=["run_metrics"])
    assert drawn_by(results) == policy_of(results)


def test_other_weights_of_the_same_parameters_are_drawn_again(results, kedro_run):
    """As a GPU gives them, or a run that was continued by other source."""
    before, dataset = (
        shards(results),
        PolicyDataset(filepath=str(results / RUN / "epoch_0001/policy")),
    )
    state = dataset.load()
    dataset.save(replace(state, adapter={k: v + 0.5 for k, v in state.adapter.items()}))
    kedro_run("generate", results, GRPO)
    assert shards(results) != before
    assert drawn_by(results) == policy_of(results)


def test_a_checkpoint_is_drawn_again_with_another_base_model(results, kedro_run, tmp_path):
    before, policy = shards(results), policy_of(results)
    other = {"train.base_model": str(tiny.make_stable_diffusion(tmp_path / "other", seed=5))}
    kedro_run("generate", results, {**GRPO, **other})
    assert shards(results) != before
    assert drawn_by(results) == policy_of(results) == policy
    kedro_run("generate", results, GRPO)
    assert shards(results) == before


@pytest.mark.parametrize("file", ["made_of.json", "complete.json"])
def test_pictures_of_an_unknown_origin_are_drawn_again(results, kedro_run, file, caplog):
    folder = results / "pictures" / RUN / "epoch_0001/images"
    (folder / file).write_text("")
    before = shards(results)
    kedro_run("generate", results, GRPO)
    assert "made again" in caplog.text
    assert shards(results) == before  # of the same policy, so the same pictures
    assert json.loads((folder / "complete.json").read_text())["shards"] == len(before)
    assert drawn_by(results) == policy_of(results)


def test_each_session_works_on_its_own_run(project_path, tiny_parameters, nested, tmp_path):
    """As in a notebook, where one session's context is made before another session runs."""

    def session(method: str) -> ResumingSession:
        values = {
            **tiny_parameters, "method": method, "train.epochs": 1,
            "train.runs_folder": str(tmp_path),
        }  # fmt: skip
        return ResumingSession.create(project_path, env="smoke", runtime_params=nested(values))

    one, other = session("grpo"), session("ddpo")
    one.load_context()
    other.load_context()
    one.run(pipeline_names=["train"])
    assert {path.parents[2].name for path in tmp_path.glob("*/epoch_*/policy/state.json")} == {RUN}


def test_scores_that_lie_elsewhere_are_made_again(results, kedro_run, conf):
    """Whether they are of this judge cannot be seen there."""
    (conf / "smoke/catalog.yml").write_text("""
"evaluation.epoch_{epoch}.scores":
  type: drift_pipeline.datasets.JudgedTableDataset
  by: reward
  filepath: memory://scores/{epoch}.parquet
""")

    def judges(batch: int) -> set[str]:
        changes = {**GRPO, "rewards.pickscore.options.batch_size": batch}
        kedro_run("measure", results, changes, conf=conf)
        scores = ParquetDataset(filepath="memory://scores/0001.parquet")
        return {*scores.load()["judge"]}

    assert judges(3) != judges(4)


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("report", "type: drift_pipeline.datasets.TextDataset\n  filepath: memory://x/r.html",
         "must lie on this disk"),
        ("findings", "type: drift_pipeline.datasets.JSONDataset\n  versioned: true\n"
         "  filepath: ${run:reporting}/analysis/f.json", "earlier versions included"),
    ],
)  # fmt: skip
def test_an_analysis_that_cannot_be_replaced_as_a_whole_is_refused(
    results, kedro_run, conf, name, entry, message
):
    (conf / "smoke/catalog.yml").write_text(f"analyze.{name}:\n  {entry}\n")
    with pytest.raises(ConfigurationError, match=message) as error:
        kedro_run("analyze", results, GRPO, conf=conf)
    assert "\n" not in str(error.value)
    assert not list(results.glob("*analysis*"))


def test_measures_of_replaced_images_or_policies_are_not_shown(results, kedro_run):
    other = {**GRPO, "train.start_over": True, **RANK_2}
    for pipeline in ("train", "generate"):
        kedro_run(pipeline, results, other if pipeline == "train" else {**GRPO, **RANK_2})
        with pytest.raises(ConfigurationError, match=rf"measures of {RUN}, epoch 1 are older"):
            kedro_run("analyze", results, {**GRPO, **RANK_2})
    kedro_run("measure", results, {**GRPO, **RANK_2})
    only = ["analyze.checkpoints"]
    kedro_run("analyze", results, {**GRPO, **RANK_2}, node_names=only)


@pytest.mark.parametrize(
    "settings", [{"rewards.pickscore.bounds": [-50.0, 100.0]}, {"measure.recall_k": 1}]
)
def test_measures_with_other_settings_are_not_compared(results, kedro_run, settings):
    ddpo = {"method": "ddpo", "train.epochs": 1}
    for pipeline in ("train", "generate", "measure"):
        kedro_run(pipeline, results, {**ddpo, **settings})
    with pytest.raises(ConfigurationError, match=r"other settings, cannot be compared .*grpo"):
        kedro_run("analyze", results, GRPO, node_names=["analyze.checkpoints"])


def test_a_reward_whose_first_bug_is_mended_can_be_trained_on(results, kedro_run):
    """Nothing has been trained by the old source, so nothing speaks against the new one."""
    for epoch in ("epoch_0001", "finished.json"):
        path = results / RUN / epoch
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    kedro_run("train", results, {**GRPO, **RANK_2})
    assert (results / RUN / "epoch_0001/policy/state.json").exists()
