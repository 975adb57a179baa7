"""`pick` on measured tables: what it prints, what it refuses."""

import pandas as pd
import pytest
from analysis import synthetic
from click.testing import CliRunner

from drift_pipeline.cli.commands import commands
from drift_pipeline.evaluation.image_shards import MADE_OF


@pytest.fixture
def reports(tmp_path):
    rows = synthetic.base()
    for method in ("drift", "grpo"):
        for seed in (42, 43):
            kept = 0.8 if method == "drift" else 0.4
            points = synthetic.trade(kept, 0.8 + 0.01 * (seed - 42))
            rows += synthetic.path(method, "pickscore", seed, points)
    rows += synthetic.path("noise", "hpsv2", 42, synthetic.trade(0.9, 0.7))
    for run, table in pd.DataFrame(rows).groupby("run"):
        (tmp_path / str(run)).mkdir()
        table.to_parquet(tmp_path / str(run) / "metrics.parquet")
    return tmp_path


@pytest.fixture
def pick(reports, project_path, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(project_path)
    elsewhere = tmp_path_factory.mktemp("nothing")
    places = {"measure.reports": reports, "generate.folder": elsewhere,
              "train.runs_folder": elsewhere}  # fmt: skip

    def call(*arguments, **changes):
        params = ",".join(f"{name}={value}" for name, value in {**places, **changes}.items())
        given = ["pick", f"--params={params}", *map(str, arguments)]
        return CliRunner().invoke(commands, given)

    return call


def test_it_prints_the_checkpoint_and_the_runner_up_of_each_other_method(pick):
    ended = pick()
    assert ended.exit_code == 0, ended.output
    lines = ended.output.splitlines()
    assert lines[0].startswith("drift-pickscore-s43, epoch 20: of 16 checkpoints, 4 keep 85 %")
    assert [line.split()[0] for line in lines[-2:]] == ["Of", "grpo"]
    assert "nothing; the most is 83.2 %, grpo-pickscore-s4" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["--keep=0.7"], "drift-pickscore-s43, epoch 40: of 16 checkpoints, 10 keep 70 %"),
        (["--by=value"], "drift-pickscore-s43, epoch 30: of 16 checkpoints, 8 keep 85 % of"),
        (["--seed=42"], "drift-pickscore-s42, epoch 20: of 8"),
        (["--method=grpo", "--keep=0.5"], "grpo-pickscore-s43, epoch 30: of 8"),
        (["--reward=hpsv2"], "noise-hpsv2-s42, epoch 40: of 4"),
        (["--measure=bits", "--keep=0.92"], "drift-pickscore-s43, epoch 10: of 16"),
    ],
)
def test_what_is_asked_for(pick, arguments, start):
    ended = pick(*arguments)
    assert ended.output.startswith(start), ended.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--keep=85"], "--keep: must be a share above 0, at most 2, such as 0.85 for 85 % (it "),
        (["--keep=nan"], "--keep: must be a share above 0"),
        (["--keep=0.99"], "none of the 16 checkpoints keeps 99 % (lower end of the interval) of "
                          "the base model's DreamSim diversity: the most is 93.0 %, drift-picksc"),
        (["--measure=x"], "--measure: 'x' was not measured, or is no diversity; there are: dreams"),
        (["--reward=x"], "--reward: no run was measured that was trained on 'x'; there are runs "
                         "of: pickscore, hpsv2"),
        (["--method=x"], "--method: no run of method x was measured that was trained on pickscore"),
        (["--seed=1"], "--seed: no run of seed 1 was measured that was trained on pickscore; th"),
        (["--export=docs"], "--export: docs is there already; remove it, or name another"),
        (["--env=nowhere"], "there is no environment 'nowhere'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(pick, arguments, message):
    ended = pick(*arguments)
    assert ended.exit_code == 1
    (line,) = ended.output.splitlines()
    assert line.startswith(f"Error: {message}")


def test_the_reward_is_the_environments(pick):
    assert pick(reward="hpsv2").output.startswith("noise-hpsv2-s42, epoch 40")


def test_without_measures_it_says_how_to_get_them(pick, tmp_path_factory):
    ended = pick(**{"measure.reports": tmp_path_factory.mktemp("empty")})
    assert ended.exit_code == 1
    assert ended.output.startswith("Error: nothing has been measured: there is no metrics.parquet")


def test_measures_of_other_images_are_refused(pick, reports, tmp_path):
    file = reports / "drift-pickscore-s43/metrics.parquet"
    pd.read_parquet(file).assign(pictures="those before").to_parquet(file)
    images = tmp_path / "pictures/drift-pickscore-s43/epoch_0020/images"
    images.mkdir(parents=True)
    (images / MADE_OF).write_text('{"policy": "new"}')
    assert pick().exit_code == 0
    ended = pick(**{"generate.folder": tmp_path / "pictures"})
    assert ended.exit_code == 1
    line = "the measures of drift-pickscore-s43, epoch 20 are older than its images or its policy"
    assert ended.output.startswith(f"Error: {line}; run kedro run --pipelines=generate")


def test_a_run_that_is_not_here_is_picked_but_not_exported(pick, tmp_path_factory):
    target = tmp_path_factory.mktemp("made") / "lora"
    ended = pick("--export", target)
    assert ended.exit_code == 1
    assert ended.output.startswith("drift-pickscore-s43, epoch 20: ")
    assert "\nError: --export: there is no run 'drift-pickscore-s43' in " in ended.output
    assert not target.exists()
