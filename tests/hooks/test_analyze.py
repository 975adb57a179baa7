"""The analysis' folder is replaced by what this run has made, whatever an earlier one has left."""

from pathlib import Path

import pytest
from analysis import synthetic
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from drift_pipeline.datasets import JSONDataset, MeasuredTableDataset, TextDataset
from drift_pipeline.hooks.analysis_inputs import INPUTS
from drift_pipeline.hooks.analyze import AnalysisHooks
from drift_pipeline.pipelines.analyze import create_pipeline

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "analysis"
    folder.mkdir()
    (folder / "report.html").write_text("old")
    (folder / "findings.json").write_text("old")
    return folder


def catalog(folder: Path) -> DataCatalog:
    found = MeasuredTableDataset(path=str(folder.parent / "runs"), pattern="*/metrics.parquet")
    return DataCatalog(
        {
            "analyze.report": TextDataset(filepath=str(folder / "report.html")),
            "analyze.findings": JSONDataset(filepath=str(folder / "findings.json")),
            "analyze.gains": TextDataset(filepath=str(folder.parent / "elsewhere.txt")),
            "in": MemoryDataset(),
            "params:analyze": MemoryDataset(synthetic.parameters(ROOT), copy_mode="assign"),
            "params:methods": MemoryDataset({}),
            "params:rewards": MemoryDataset({"mine": {}}),
            **dict.fromkeys(INPUTS, found),
        }
    )


def making(*names: str) -> Pipeline:
    outputs = [f"analyze.{name}" for name in names]
    return Pipeline([Node(lambda _: None, "in", outputs, name="make")])


def run(hooks: AnalysisHooks, folder: Path, text: str, *names: str) -> None:
    data = catalog(folder)
    hooks.before_pipeline_run(pipeline=making(*names), catalog=data)
    for name in names:
        data[f"analyze.{name}"].save(text)
    assert "old" in (folder / "report.html").read_text()
    hooks.after_pipeline_run()


def test_a_part_takes_the_rest_over(folder):
    run(AnalysisHooks(), folder, "new", "report")
    assert (folder / "report.html").read_text() == "new"
    assert (folder / "findings.json").read_text() == "old"
    assert {path.name for path in folder.parent.iterdir()} == {"analysis", ".analysis.lock"}


@pytest.mark.parametrize("rewards", [("pickscore", "hpsv2"), ("pickscore", "hpsv2", "mine")])
def test_only_an_analysis_of_all_rewards_is_whole(folder, rewards):
    """Those count that only a preset names, and that `analyze.rewards` does not."""
    data = catalog(folder)
    outputs = create_pipeline(rewards).all_outputs()
    for name in outputs - {*data.keys()}:
        data[name] = MemoryDataset()
    pipeline = Pipeline([Node(lambda _: None, "in", sorted(outputs), name="make")])
    hooks = AnalysisHooks()
    hooks.before_pipeline_run(pipeline=pipeline, catalog=data)
    hooks.after_pipeline_run()
    assert (folder / "findings.json").exists() == ("mine" not in rewards)


def test_a_run_whose_end_nobody_told_of_leaves_nothing(folder):
    """Kedro calls no hook where another hook fails, or at Ctrl-C before the first node."""
    hooks = AnalysisHooks()
    hooks.before_pipeline_run(pipeline=making("report"), catalog=catalog(folder))
    run(hooks, folder, "new", "report")
    assert (folder / "report.html").read_text() == "new"
    assert {path.name for path in folder.parent.iterdir()} == {"analysis", ".analysis.lock"}


def test_what_lies_elsewhere_does_not_bring_an_old_analysis_back(folder):
    hooks = AnalysisHooks()
    run(hooks, folder, "there", "gains")
    assert (folder.parent / "elsewhere.txt").read_text() == "there"
    run(hooks, folder, "new", "report")
    assert (folder / "report.html").read_text() == "new"


def test_a_dataset_that_writes_in_place_does_not_reach_the_old_analysis(folder):
    hooks, data = AnalysisHooks(), catalog(folder)
    hooks.before_pipeline_run(pipeline=making("findings"), catalog=data)
    with Path(data["analyze.findings"]._filepath).open("r+") as file:
        file.write("half")
    hooks.on_pipeline_error(error=RuntimeError("stopped"))
    assert (folder / "findings.json").read_text() == "old"
    assert {path.name for path in folder.parent.iterdir()} == {"analysis", ".analysis.lock"}


def test_an_analysis_that_was_being_replaced_comes_back(folder):
    folder.rename(folder.with_name(".analysis.old"))
    hooks, data = AnalysisHooks(), catalog(folder)
    hooks.before_pipeline_run(pipeline=making("findings"), catalog=data)
    data["analyze.findings"].save([])
    hooks.after_pipeline_run()
    assert (folder / "report.html").read_text() == "old"
    assert (folder / "findings.json").read_text() == "[]"
