"""An analysis that would show less than the one it replaces is noticed."""

from pathlib import Path

import pandas as pd
import pytest
from analysis import synthetic
from kedro.io import DataCatalog, MemoryDataset

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.hooks.analysis_inputs import missing_inputs
from drift_pipeline.hooks.analyze import AnalysisHooks, refuse_loss
from drift_pipeline.hooks.resolvers import DEFAULT_RUN as PLACES
from drift_pipeline.pipelines.analyze import create_pipeline

PRESETS = {"methods": {"grpo": {}, "boosted": {}}, "rewards": {"pickscore": {}, "warmth": {}}}


def test_missing_inputs():
    folders = {"images": Path("/p"), "metrics": Path("/m")}
    before = {"images": ["a/epoch_0001", "b/epoch_0001"], "metrics": ["a", "b"], "gone": ["x"]}
    now = {"images": ["a/epoch_0001"], "metrics": ["a", "c"]}
    gone = [Path("/p/b/epoch_0001"), Path("/m/b")]
    assert missing_inputs(before, now, folders) == gone
    assert missing_inputs(before, now, folders, [Path("/p/b/epoch_0001/images")]) == gone[1:]
    assert missing_inputs(before, before, folders) == []


@pytest.fixture
def folder(tmp_path) -> Path:
    """Measured runs of a reward and a method of one's own."""
    rows = synthetic.base()
    for method, reward in (("grpo", "warmth"), ("boosted", "pickscore"), ("grpo", "unknown")):
        rows += synthetic.path(method, reward, 42, synthetic.trade(0.5, 0.8))
    synthetic.write(tmp_path, pd.DataFrame(rows), pictures=False)
    (tmp_path / PLACES["reporting"] / "analysis").mkdir(parents=True)
    return tmp_path


def catalog(project_path: Path, folder: Path, without: str = "", **changes: str) -> DataCatalog:
    """The project's catalog, with the presets of one's own but one."""
    made = synthetic.catalog(project_path, folder, synthetic.parameters(project_path, **changes))
    for kind, presets in PRESETS.items():
        kept = {name: values for name, values in presets.items() if name != without}
        made[f"params:{kind}"] = MemoryDataset(kept)
    return made


@pytest.mark.parametrize("name", ["methods.boosted", "rewards.warmth"])
def test_what_is_shown_under_a_preset_is_not_lost_with_it(project_path, folder, name):
    pipeline, whole = (
        create_pipeline(["pickscore", "hpsv2", "warmth"]),
        catalog(project_path, folder),
    )
    refuse_loss(pipeline, whole)
    hooks = AnalysisHooks()
    hooks.before_pipeline_run(pipeline=pipeline, catalog=whole)
    hooks.after_pipeline_run()
    refuse_loss(pipeline, catalog(project_path, folder, without="grpo"))  # analyze.methods has it
    without = name.partition(".")[2]
    with pytest.raises(ConfigurationError, match=rf"shows runs of {name}, .*if_less=repl") as error:
        refuse_loss(pipeline, catalog(project_path, folder, without))
    assert "\n" not in str(error.value)
    refuse_loss(pipeline, catalog(project_path, folder, without, if_less="replace"))
