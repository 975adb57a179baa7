"""What the benchmarks that compare programs count and print."""

import json
import os
import sys

import pandas as pd
import pytest


@pytest.fixture(scope="module")
def scripts(project_path):
    """The modules alternating, own_worker and peer, which are scripts."""
    sys.path.insert(0, str(project_path / "benchmarks"))
    try:
        import alternating
        import own_worker
        import peer

        yield {"alternating": alternating, "own_worker": own_worker, "peer": peer}
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
    table = pd.DataFrame({"program": ["a"], "n": [3], "seconds": [1.2345], "MiB": [1234.5]})
    assert scripts["alternating"].markdown(table).splitlines() == [
        "| program | n | seconds | MiB |",
        "| --- | --- | --- | --- |",
        "| a | 3 | 1.23 | 1,234 |",
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
