"""A reward of one's own, from one file beside the project to its row of Table 1."""

import json

import pandas as pd
import pytest

NAME = "grpo-mine-s42"
SOURCE = '''
class Darkness:
    """As ddpo-pytorch's rewards: called with images and prompts, gives scores and a dictionary."""

    def __init__(self, most=255.0):
        self.most = most

    def __call__(self, images, prompts):
        return 1 - images.float().flatten(1).mean(dim=1).numpy() / self.most, {}


class Parity:
    """Two kinds of images: those whose pixels sum to an even number, and the others."""

    def __call__(self, images, prompts):
        return images.long().flatten(1).sum(dim=1) % 2
'''
PRESET = """
rewards:
  mine: {scorer: my_rewards.Darkness, bounds: [0.0, 1.0], label: Darkness}
  parity: {scorer: my_rewards.Parity, measured_only: true, kinds: true}
measure:
  rewards: [hpsv2, parity]
"""


@pytest.fixture(scope="module")
def mine(tmp_path_factory, monkeypatch_module):
    """Where a package of one's own is, on Python's path."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my_rewards.py").write_text(SOURCE)
    monkeypatch_module.syspath_prepend(str(folder))
    (folder / "prompts.txt").write_text("a photo of a cat\na photo of a dog\n")
    return folder


def changes(mine, **others):
    return {
        "method": "grpo",
        "reward": "mine",
        "train.epochs": 1,
        "generate.prompts": str(mine / "prompts.txt"),
        **others,
    }


def test_a_full_run_is_scored_by_its_own_reward_and_reported(
    kedro_run, conf, mine, tmp_path, caplog
):
    (conf / "local").mkdir(exist_ok=True)
    (conf / "smoke/parameters_mine.yml").write_text(PRESET)
    results = tmp_path / "results"
    kedro_run("__default__", results, changes(mine), conf=conf)
    for name in (NAME, "base"):
        table = pd.read_parquet(results / "reports" / name / "metrics.parquet")
        values = table.set_index(["metric", "encoder"])["value"]
        assert 0 < values["reward", "mine"] < 1
        assert values["reward", "mine"] == values["reward_normalised", "mine"]
        assert ("reward", "hpsv2") in values.index
        assert 0 <= values["bits", "parity"] == values["bits", "all"] <= 1
        assert ("reward", "parity") not in values.index
    # The base model's table is shared: a run of another reward leaves this one's values there.
    other = changes(mine, reward="pickscore")
    kedro_run("measure", results, other, conf=conf, to_outputs=["base_metrics"])
    again = pd.read_parquet(results / "reports/base/metrics.parquet")
    assert "mine" in {*again["encoder"]}
    assert "left out" not in caplog.text
    values = json.loads((results / "analysis/mine/table_1.json").read_text())
    measured = pd.read_parquet(results / "reports" / NAME / "metrics.parquet")
    measured = measured.set_index(["metric", "encoder"])["value"]
    assert values["grpo"]["reward_normalised"] == measured["reward_normalised", "mine"]
    assert values["base"]["reward_normalised"] > 0
    assert values["grpo"]["bits"] == measured["bits", "all"]
    assert not (results / "analysis/parity").exists()
    assert (results / "analysis/mine/fronts/svg/main.svg").exists()
    page = (results / "analysis/report.html").read_text(encoding="utf-8")
    assert "Darkness" in page and NAME in page


def test_a_reward_that_fails_is_named(kedro_run, conf, mine, tmp_path):
    (conf / "smoke/parameters_mine.yml").write_text(PRESET)
    with pytest.raises(Exception, match="the reward 'mine' raised TypeError: ufunc") as error:
        kedro_run("train", tmp_path, changes(mine, **{"rewards.mine.options.most": "x"}), conf=conf)
    assert "\n" not in str(error.value)
