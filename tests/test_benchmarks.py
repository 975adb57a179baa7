"""What the benchmarks that compare programs count and print."""

import json
import math
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import torch

from drift_pipeline.common.values import flat
from drift_pipeline.scorers.pickscore import PickScore


@pytest.fixture(scope="module")
def scripts(project_path):
    """The modules of the scripts that compare programs, and of what they share."""
    sys.path.insert(0, str(project_path / "benchmarks"))
    try:
        import alternating
        import beside
        import clock
        import goal
        import growth
        import limit
        import own_worker
        import peer
        import peer_pickscore
        import to_goal

        modules = (alternating, beside, clock, goal, growth, limit, own_worker, peer,
                   peer_pickscore, to_goal)  # fmt: skip
        yield {module.__name__: module for module in modules}
    finally:
        sys.path.pop(0)


def test_programs_take_turns(scripts):
    called = []

    def program(name):
        def run():
            called.append(name)
            return [{"seconds": len(called)}]

        return run

    rows = scripts["alternating"].alternate({"b": program("b"), "a": program("a")}, repeat=2)
    assert called == ["b", "a", "b", "a"]
    assert rows.values.tolist() == [["b", 1, 1], ["a", 1, 2], ["b", 2, 3], ["a", 2, 4]]


def test_medians_keep_the_order_and_say_how_far_the_rounds_lie_apart(scripts):
    rows = pd.DataFrame(
        {
            "program": ["b", "a", "b", "a", "b", "a"],
            "round": [1, 1, 2, 2, 3, 3],
            "seconds": [9.0, 1.0, 1.0, 1.0, 2.0, 4.0],
            "MiB": [5.0, 7.0, 5.0, 7.0, 5.0, 7.0],
        }
    )
    table = scripts["alternating"].medians(rows, "seconds")
    assert list(table) == ["program", "seconds", "seconds low", "seconds high", "MiB", "n"]
    assert table.values.tolist() == [["b", 2.0, 1.0, 9.0, 5.0, 3], ["a", 1.0, 1.0, 4.0, 7.0, 3]]


def test_a_table_as_markdown(scripts):
    table = pd.DataFrame(
        {"program": ["a", "b"], "n": 3, "seconds": [1.2345, float("nan")], "MiB": 1234.5}
    )
    assert scripts["alternating"].markdown(table).splitlines() == [
        "| program | n | seconds | MiB |",
        "| --- | --- | --- | --- |",
        "| a | 3 | 1.23 | 1,234 |",
        "| b | 3 | — | 1,234 |",
    ]


def test_a_process_is_read_by_its_last_line_and_its_failure_is_shown(scripts, capsys):
    finish = scripts["alternating"].finish
    program = "import os; print('a log line'); print('[1, %s]' % os.environ['TWO'])"
    done = finish([sys.executable, "-c", program], TWO="2")
    assert done.said == [1, 2]
    assert done.mib > 1
    with pytest.raises(SystemExit, match="failed"):
        finish([sys.executable, "-c", "raise ValueError('what went wrong')"])
    assert "what went wrong" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("samples", "pairs"),
    [(128, [(32, 16), (32, 32), (64, 16), (64, 32)]), (4, [(1, 1), (2, 1)]), (6, [])],
)
def test_batch_sizes_that_trl_takes_for_four_updates(scripts, samples, pairs):
    """DDPOTrainer refuses others; six samples do not make four equal updates."""
    assert scripts["peer"].batches_to_try(samples, updates=4) == pairs


def test_an_epoch_on_the_disk_lasts_from_policy_to_policy(scripts, tmp_path):
    folders = [tmp_path / f"epoch_{epoch:04d}" for epoch in range(3)]
    for folder, written in zip(folders, (100, 107, 113), strict=True):
        state = folder / "policy/state.json"
        state.parent.mkdir(parents=True)
        state.write_text("{}")
        os.utime(state, (written, written))
        summary = {"seconds_rollout": written / 100, "seconds_update": 2.0, "loss": 0.5}
        (folder / "summary.json").write_text(json.dumps(summary))
    assert scripts["peer"].epochs_on_disk(folders) == [
        {"rollout": 1.07, "update": 2.0, "epoch": 7.0},
        {"rollout": 1.13, "update": 2.0, "epoch": 6.0},
    ]


def test_both_sides_do_the_same_work(scripts, project_path, monkeypatch):
    """TRL's task says what the project's own parameters say, and warming up is a quarter of it."""
    monkeypatch.chdir(project_path)
    changes = {"method": "grpo", "train": {"sampling": {"steps": 3}, "groups_per_epoch": 12}}
    run = scripts["own_worker"].read_run(changes)
    task = scripts["peer"].peer_task(run)
    assert task["config"]["sample_num_steps"] == run.train.sampling.steps == 3
    assert task["samples"] == 12 * run.train.group_size
    assert task["config"]["train_clip_range"] == run.train.optimization.clip_range
    few = scripts["own_worker"].a_quarter_of(run).train
    assert (few.groups_per_epoch, few.optimization.updates_per_epoch) == (3, 1)
    assert few.sampling == run.train.sampling


def test_the_parts_of_a_phase_add_up_to_it(scripts):
    """Time within an inner part counts for that alone, and in a worker for the worker's share."""
    now = iter(range(100))  # every look at the clock takes a second
    clock = scripts["clock"].Clock(workers=2, now=lambda: next(now))
    inner = clock.watch("inner", lambda: None)
    outer = clock.watch("outer", inner)
    with clock.phase("update"):
        outer()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(inner).result()
    assert clock.parts == {("update", "inner"): 1 + 1 / 2, ("update", "outer"): 2}
    assert clock.phases == {"update": 7}
    assert clock.rest() == {("update", "the rest"): 7 - 3.5}


def test_the_share_of_the_unets_own_rate(scripts):
    """10 s at the rate of forward and backward, 10 s at that of forward, in 40 s."""
    limit = scripts["limit"]
    rates = {"UNet, forward": 2, "UNet, forward and backward": 1}
    rates |= {"matrix product": 4, "convolutions": 4}
    operations = {
        ("rollout", "UNet, forward"): 12e9,
        ("update", "UNet, reference"): 8e9,
        ("update", "UNet, forward"): 4e9,
        ("update", "UNet, backward"): 6e9,
    }
    table = limit.utilisation(operations, {"rollout": 8, "update": 28}, 40, rates)
    assert list(table["GFLOP/s"]) == [12 / 8, 18 / 28, 30 / 40]
    assert list(table["% of UNet's own"]) == pytest.approx([75, 50, 50])
    assert list(table["% of matrix product"]) == pytest.approx([37.5, 100 * 18 / 112, 18.75])


def test_two_at_once_against_one_alone(scripts):
    rows = pd.DataFrame(
        {
            "program": ["passive, 1", "passive, 2", "passive, 2"],
            "round": [1, 1, 1],
            "epoch": [6.0, 11.0, 13.0],
        }
    )
    table = scripts["beside"].compare(rows, ["passive"])
    assert table.values.tolist() == [["passive", 6.0, 12.0, 2.0]]


def test_how_far_off_the_straight_line(scripts):
    off_the_line = scripts["growth"].off_the_line
    assert off_the_line([1, 2, 4], [3.0, 5.0, 9.0]) == [0, 0, 0]
    assert off_the_line([4, 8, 16], [1.0, 3.0, 4.0]) == [0, pytest.approx(50), 0]


def test_one_setting_at_a_time(scripts, project_path, tmp_path, monkeypatch):
    """The default is one point for all; a pipeline for other images differs in one number."""
    monkeypatch.chdir(project_path)
    growth = scripts["growth"]
    points = growth.points(list(growth.FACTORS), 16, tmp_path)
    values = sum(len(factor.values) for factor in growth.FACTORS.values())
    assert len(points) == values - len(growth.FACTORS) + 1
    default = scripts["own_worker"].read_run(points.pop("default")).train
    for name, parameters in points.items():
        train = scripts["own_worker"].read_run(parameters).train
        assert len(differences(default.model_dump(), train.model_dump())) == 1, name
    config = json.loads((tmp_path / "12/unet/config.json").read_text())
    assert config["sample_size"] == 12


def differences(one, other):
    """The names of the settings in which two runs differ."""
    return [name for name, value in flat(one).items() if flat(other)[name] != value]


def test_a_mark_is_reached_between_two_judgements(scripts):
    reached = scripts["goal"].reached
    assert reached([0, 2, 4, 6], [6.0, 7.0, 9.0, 8.5], 8.0) == 3.0  # a later fall does not count
    assert reached([0.0, 11.0, 20.0], [6.0, 5.0, 8.0], 8.0) == 20.0
    assert reached([0, 2], [6.0, 7.0], 6.0) == 0
    assert math.isnan(reached([0, 2], [6.0, 7.0], 8.0))


def test_a_training_is_judged_outside_the_watch_and_stops_at_its_goal(scripts, monkeypatch):
    goal = scripts["goal"]
    clock, trained = [0.0], []
    monkeypatch.setattr(goal, "perf_counter", lambda: clock[0])

    def epoch(number):
        trained.append(number)
        clock[0] += 5.0

    def judge():
        clock[0] += 100.0
        return float(len(trained))

    task = {"epochs": 9, "every": 2, "stop": 3.5}
    rows = [tuple(row.values()) for row in goal.train(epoch, judge, task)]
    assert rows == [(0, 0, 0), (1, 5, None), (2, 10, 2), (3, 15, None), (4, 20, 4)]
    assert trained == [1, 2, 3, 4]
    unjudged = goal.train(epoch, judge, {"epochs": 2, "every": 0, "stop": None})
    assert [row["reward"] for row in unjudged] == [None, None, None]


def test_who_misses_a_mark_with_one_seed_has_no_mean(scripts):
    reached = pd.DataFrame(
        {
            "program": ["a", "b", "a", "b"],
            "rate": [0.1, 0.3, 0.1, 0.3],
            "epochs to 70 %": [4.0, 6.0, 6.0, 14.0],
            "epochs to 85 %": [8.0, 16.0, 8.0, float("nan")],
        }
    )
    table = scripts["to_goal"].goal_table(reached, pd.Series({"a": 5.0, "b": 6.0}))
    first, second = table.set_index("program").to_dict("index").values()
    assert (first["seeds"], first["seconds to 70 %"], first["ratio at 85 %"]) == (2, 25.0, 1.0)
    assert (second["seconds to 70 %"], second["ratio at 70 %"]) == (60.0, 2.4)
    assert math.isnan(second["seconds to 85 %"])


def test_trl_is_rewarded_by_the_same_numbers(scripts, project_path):
    folder = project_path / "data/06_models/bestiary/pickscore"
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (3, 3, 64, 64), generator=chance).to(torch.uint8)
    prompts = ["a photo of a cat", "a photo of a bee", "a photo of a cat"]
    theirs = scripts["peer_pickscore"].PickScore(folder)(images / 255, prompts)
    torch.testing.assert_close(theirs, PickScore(folder, folder)(images, prompts))
