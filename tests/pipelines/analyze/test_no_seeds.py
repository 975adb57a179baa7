"""The analysis where no seeds are expected: `seeds: []` in params.yaml, or no such file."""

import pandas as pd
import pytest
from analysis import synthetic
from kedro.runner import SequentialRunner

from drift_pipeline.hooks.resolvers import DEFAULT_RUN as PLACES
from drift_pipeline.hooks.resolvers import expected_seeds
from drift_pipeline.pipelines.analyze import create_pipeline


@pytest.mark.parametrize("methods", [("grpo",), ("drift", "grpo")])
def test_the_report_is_made_of_what_is_there(tmp_path, project_path, methods):
    comparisons = synthetic.parameters(project_path).model_dump()["comparisons"]
    unexpected = {name: values | {"seeds": []} for name, values in comparisons.items()}
    analyze = synthetic.parameters(project_path, comparisons=unexpected)
    metrics = synthetic.world(methods=methods)
    synthetic.write(tmp_path, metrics[metrics["reward"] != "hpsv2"], pictures=False)
    SequentialRunner().run(create_pipeline(), synthetic.catalog(project_path, tmp_path, analyze))
    made = tmp_path / PLACES["reporting"]
    assert "grpo-pickscore-s42" in (made / "analysis/report.html").read_text(encoding="utf-8")
    gains = pd.read_parquet(made / "analysis/pickscore/gains.parquet")
    assert {*gains["baseline"]} == ({"grpo"} if "drift" in methods else set())


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("seeds: []", []), ("seeds:", []), ("", []), (None, []), ("seeds: [1]", [1])],
)
def test_expected_seeds(tmp_path, text, seeds):
    if text is not None:
        (tmp_path / "params.yaml").write_text(text)
    assert expected_seeds(tmp_path) == seeds
