"""What cannot be made again stays, and new results take the place of old ones only when whole."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from drift_pipeline.common.errors import ConfigurationError

RUN = "grpo-pickscore-s42"
GRPO = {"method": "grpo", "train.epochs": 1}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones included."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def analysed(kedro_run, tmp_path_factory) -> Path:
    results = tmp_path_factory.mktemp("analysed")
    kedro_run("__default__", results, GRPO)
    return results


@pytest.fixture
def results(analysed, tmp_path) -> Path:
    """A run from training to the report, to be changed by the test."""
    return shutil.copytree(analysed, tmp_path / "results")


def test_the_default_pipeline_goes_from_training_to_the_report(results, kedro_run):
    page = (results / "analysis/report.html").read_text(encoding="utf-8")
    assert RUN in page
    checkpoints = pd.read_parquet(results / "analysis/checkpoints.parquet")
    assert {*checkpoints["run"]} == {"base", RUN}
    assert checkpoints["epoch"].max() == 1
    kedro_run("__default__", results, {**GRPO, "train.epochs": 2})
    again = pd.read_parquet(results / "analysis/checkpoints.parquet")
    assert again["epoch"].max() == 2


def test_the_analysis_waits_for_what_it_finds_on_the_disk(project_path):
    with KedroSession.create(project_path, env="smoke") as session:
        session.load_context()
        default, alone = pipelines["__default__"], pipelines["analyze"]
        written = {"base_metrics", "run_metrics", "training_curve"}
        assert {*default.nodes} > {*pipelines["train"].nodes, *pipelines["measure"].nodes}
        (waiting,) = (node for node in default.nodes if node.short_name == "checkpoints")
        assert written < {*waiting.inputs}
        assert not written & alone.inputs()


def test_a_failing_analysis_leaves_the_old_one(results, kedro_run, monkeypatch):
    before = contents(results)

    def fail(*_):
        raise RuntimeError("no report today")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="no report today"):
        patch.setattr("drift_pipeline.analysis.table_1.make_table", fail)
        kedro_run("analyze", results, GRPO)
    assert contents(results) == before


def test_figures_of_pictures_that_are_gone_are_not_lost(results, kedro_run):
    pictures = results / "pictures" / RUN / "epoch_0001"
    figures = contents(results / "analysis/pickscore/grids")
    assert any(name.endswith(".png") for name in figures)
    shutil.rmtree(pictures)
    before = contents(results)
    with pytest.raises(ConfigurationError, match=r"no longer here \(.*epoch_0001\)") as error:
        kedro_run("analyze", results, GRPO)
    assert "\n" not in str(error.value)
    assert "analyze.if_less=replace" in str(error.value)
    assert contents(results) == before
    kedro_run("analyze", results, {**GRPO, "analyze.if_less": "replace"})
    assert not any(name.endswith(".png") for name in contents(results / "analysis/pickscore/grids"))
    # What is accepted once is the state from then on.
    made_of = json.loads((results / "analysis/made_of.json").read_text())
    assert made_of["measured_images"] == ["base/epoch_0000", "base_fresh/epoch_0000"]


def test_an_analysis_that_a_killed_process_was_replacing_still_counts(results, kedro_run):
    shutil.rmtree(results / "pictures" / RUN)
    before = contents(results / "analysis")
    (results / "analysis").rename(results / ".analysis.old")
    with pytest.raises(ConfigurationError, match="no longer here"):
        kedro_run("analyze", results, GRPO)
    assert contents(results / "analysis") == before


def test_what_the_same_command_makes_again_is_not_missing(results, kedro_run):
    shutil.rmtree(results / "pictures" / RUN)
    shutil.rmtree(results / "features" / RUN)
    before = contents(results / "analysis")
    kedro_run("__default__", results, GRPO)
    assert contents(results / "analysis").keys() == before.keys()


def test_an_analysis_of_nothing_is_refused(results, kedro_run):
    shutil.rmtree(results / "reports")
    before = contents(results)
    with pytest.raises(ConfigurationError, match=r"nothing has been measured: .*dvc pull"):
        kedro_run("analyze", results, GRPO)
    assert contents(results) == before


def test_a_part_of_the_analysis_leaves_the_rest(results, kedro_run):
    before = contents(results / "analysis")
    (results / "analysis/findings.json").write_text("[]")
    kedro_run("analyze", results, GRPO, node_names=["analyze.findings"])
    assert contents(results / "analysis") == before


def test_outdated_metrics_stay_where_they_cannot_be_made_again(results, kedro_run, models):
    for name in ("pictures", "features"):
        shutil.rmtree(results / name)
    before = contents(results)
    with pytest.raises(Exception, match=r"not there: evaluation.base.images.*--pipelines=generate"):
        kedro_run("measure", results, GRPO)
    assert contents(results) == before


def test_outdated_pictures_stay_where_they_cannot_be_made_again(results, kedro_run):
    before = contents(results)
    other = {**GRPO, "generate.first_seed": 100, "train.base_model": "nobody/nothing"}
    with pytest.raises(ConfigurationError, match="nobody/nothing is not on this machine"):
        kedro_run("generate", results, other)
    with pytest.raises(Exception, match=r"images is outdated\); .*run --pipelines=generate"):
        kedro_run("measure", results, {**GRPO, "generate.first_seed": 100})
    assert contents(results) == before


@pytest.mark.parametrize(
    "start_over",
    [{"train.start_over": True}, {"train.if_changed": "start_over", "train.lora.rank": 2}],
)
def test_a_run_is_not_started_over_before_it_can_be_trained(results, kedro_run, start_over):
    before = contents(results)
    with pytest.raises(ConfigurationError, match="nobody/nothing is not on this machine"):
        kedro_run("train", results, {**GRPO, **start_over, "train.base_model": "nobody/nothing"})
    assert contents(results) == before


def test_a_run_that_is_started_over_is_set_aside(results, kedro_run, caplog):
    before = contents(results / RUN)
    kedro_run("train", results, {**GRPO, "train.start_over": True, "train.lora.rank": 2})
    assert contents(results / "set_aside" / f"{RUN}-1") == before
    assert "set_aside" in caplog.text
    assert contents(results / RUN).keys() == before.keys()


def test_results_stay_until_a_longer_run_has_new_ones(results, kedro_run, monkeypatch):
    lasting = ("lora", "training_")
    before = {k: v for k, v in contents(results / RUN).items() if k.startswith(lasting)}

    def fail(*_, **__):
        raise RuntimeError("stopped")

    longer = {**GRPO, "train.epochs": 2}
    for place in ("training.update.update", "training.contact_sheets.draw_prompt_over_epochs"):
        with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="stopped"):
            patch.setattr(f"drift_pipeline.{place}", fail)
            kedro_run("train", results, longer)
        after = contents(results / RUN)
        assert {name: after[name] for name in before if not name.startswith("lora")} == {
            name: value for name, value in before.items() if not name.startswith("lora")
        }
    kedro_run("train", results, longer)
    after = contents(results / RUN)
    assert {name for name in before if after[name] != before[name]} == {*before}
    assert len(pd.read_parquet(results / RUN / "training_curve.parquet")) == 2
