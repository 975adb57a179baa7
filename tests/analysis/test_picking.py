"""Which checkpoint is picked, held against a plain search."""

import random

import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.picking import Wish, pick, taking_all
from drift_pipeline.common.errors import ConfigurationError

NAN = float("nan")


def values(reward: float, **shares: float) -> dict[str, float]:
    """What a checkpoint has: all of the base model's diversity, but for some shares."""
    kept = {name: synthetic.BASE[name] * shares.get(name, 1.0) for name in synthetic.DIVERSITY}
    return {**kept, "reward": reward}


def table(analyze, *checkpoints, **options) -> pd.DataFrame:
    """Checkpoints (method, seed, epoch, values[, share that shows what was asked])."""
    rows = synthetic.base(**options)
    for method, seed, epoch, has, *shows in checkpoints:
        about = {"shows": shows[0]} if shows else {}
        rows += synthetic.checkpoint(method, "pickscore", seed, epoch, has, **about)
    return make_checkpoints(pd.DataFrame(rows), analyze)


def picked(found) -> tuple[str, int]:
    return found["run"], int(found["epoch"])


def test_it_is_what_a_plain_search_finds(analyze):
    chance = random.Random(5)
    for keep in (0.3, 0.6, 0.8, 0.95):
        everything = [
            (method, seed, epoch, values(chance.random(), dreamsim=chance.uniform(0.2, 1.1),
                                         vendi=chance.uniform(0.2, 1.1)), chance.uniform(0.8, 1.0))
            for method in ("drift", "grpo", "ddpo") for seed in (1, 2) for epoch in (5, 10)
        ]  # fmt: skip
        made = table(analyze, *everything)
        for measure, by in (("dreamsim", "low"), ("dreamsim", "value"), ("vendi", "low")):
            # The intervals of the synthetic measures end at 98 % of their values.
            least = synthetic.BASE[measure] * keep / (0.98 if by == "low" else 1.0)
            good = [
                (has["reward"], method, seed, epoch)
                for method, seed, epoch, has, shows in everything
                if has[measure] >= least and shows >= 0.9 * 0.97
            ]
            found = pick(made, analyze, "pickscore", Wish(keep, measure, by))
            if not good:
                assert found.picked.best is None
                continue
            _, method, seed, epoch = max(good)
            assert picked(found.picked.best) == (f"{method}-pickscore-s{seed}", epoch)
            assert found.picked.kept == len(good)
            for other, candidates in found.others.items():
                mine = [entry for entry in good if entry[1] == other]
                assert (candidates.best is not None) == bool(mine)
                if mine:
                    assert candidates.best["reward_normalised"] == max(mine)[0]


def test_the_lower_end_asks_for_more_than_the_value(analyze):
    made = table(
        analyze,
        ("grpo", 1, 5, values(0.9, dreamsim=0.86)),
        ("drift", 1, 5, values(0.5, dreamsim=0.9)),
    )
    low, value = (
        pick(made, analyze, "pickscore", Wish(0.85, "dreamsim", by)) for by in ("low", "value")
    )
    assert picked(low.picked.best) == ("drift-pickscore-s1", 5)
    assert picked(value.picked.best) == ("grpo-pickscore-s1", 5)
    assert low.picked.best["dreamsim_of_base"] == pytest.approx(0.9)
    assert low.picked.best["dreamsim_of_base_low"] == pytest.approx(0.9 * 0.98)
    assert low.picked.best["recall_of_base_high"] == pytest.approx(1.02)
    assert list(low.others) == ["grpo"] and low.others["grpo"].best is None


def test_a_share_of_exactly_that_much_is_enough(analyze):
    made = table(analyze, ("drift", 1, 5, values(0.5)))
    assert pick(made, analyze, "pickscore", Wish(1.0, "dreamsim", "value")).picked.best
    assert not pick(made, analyze, "pickscore", Wish(1.0001, "dreamsim", "value")).picked.best


def test_equal_rewards_go_to_more_diversity_then_to_the_earlier_epoch(analyze):
    made = table(
        analyze,
        ("grpo", 1, 5, values(0.5, dreamsim=0.9)),
        ("drift", 2, 10, values(0.5, dreamsim=0.95)),
        ("drift", 2, 5, values(0.5, dreamsim=0.95)),
    )
    best = pick(made, analyze, "pickscore", Wish(0.5, "dreamsim")).picked.best
    assert picked(best) == ("drift-pickscore-s2", 5)


def test_images_of_something_else_do_not_count_unless_asked_for(analyze):
    made = table(
        analyze,
        ("drift", 1, 5, values(0.5), 0.9),
        ("grpo", 1, 5, values(0.9), 0.5),
    )
    found = pick(made, analyze, "pickscore", Wish(0.5, "dreamsim"))
    assert picked(found.picked.best) == ("drift-pickscore-s1", 5)
    assert found.off_prompt == 1 and found.others == {}
    found = pick(made, analyze, "pickscore", Wish(0.5, "dreamsim", off_prompt=True))
    assert picked(found.picked.best) == ("grpo-pickscore-s1", 5)
    assert found.off_prompt == 0 and list(found.others) == ["drift"]
    with pytest.raises(ConfigurationError, match=r"still shows what was asked \(--off-prompt"):
        pick(made, analyze, "pickscore", Wish(0.5, "dreamsim", method="grpo"))


def test_where_nothing_keeps_enough_there_is_what_keeps_the_most(analyze):
    made = table(
        analyze,
        ("drift", 1, 5, values(0.5, dreamsim=0.7)),
        ("drift", 1, 10, values(0.9, dreamsim=0.6)),
    )
    found = pick(made, analyze, "pickscore", Wish(0.9, "dreamsim"))
    assert found.picked.best is None and found.picked.kept == 0
    assert picked(found.picked.most) == ("drift-pickscore-s1", 5)
    assert found.picked.highest == pytest.approx(0.7)


def test_a_method_limits_what_is_picked_and_a_seed_everything(analyze):
    made = table(
        analyze,
        ("drift", 1, 5, values(0.5)),
        ("drift", 2, 5, values(0.6)),
        ("grpo", 1, 5, values(0.8)),
        ("ddpo", 2, 5, values(0.9)),
    )

    def of(**limits):
        return pick(made, analyze, "pickscore", Wish(0.5, "dreamsim", **limits))

    found = of(method="drift")
    assert picked(found.picked.best) == ("drift-pickscore-s2", 5)
    assert {*found.others} == {"grpo", "ddpo"}
    found = of(seed=1)
    assert picked(found.picked.best) == ("grpo-pickscore-s1", 5) and {*found.others} == {"drift"}
    for limits, message in (
        ({"method": "noise"}, "--method: .*method noise .*; there are: ddpo, drift, grpo"),
        ({"seed": 3}, "--seed: .*seed 3 .*; there are: 1, 2"),
        ({"method": "grpo", "seed": 2}, "--seed: .*seed 2 .*; there are: 1$"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            of(**limits)


def test_what_was_not_measured_is_not_picked(analyze):
    made = table(
        analyze,
        ("drift", 1, 5, values(0.5)),
        ("grpo", 1, 5, values(0.9, dreamsim=NAN)),
        ("ddpo", 1, 5, values(NAN)),
    )
    found = pick(made, analyze, "pickscore", Wish(0.5, "dreamsim"))
    assert picked(found.picked.best) == ("drift-pickscore-s1", 5) and not found.others
    assert found.picked.count == 1


@pytest.mark.parametrize(
    ("reward", "measure", "message"),
    [
        ("pickscore", "dreams", "--measure: 'dreams' .*; there are: dreamsim, clip, recall, vendi"),
        ("hpsv2", "dreamsim", "no run was measured that was trained on hpsv2"),
        ("frost", "dreamsim", "there is no dreamsim of the base model"),
    ],
)
def test_what_cannot_be_compared_is_one_line(analyze, reward, measure, message):
    made = table(analyze, ("drift", 1, 5, values(0.5)))
    with pytest.raises(ConfigurationError, match=message):
        pick(made, analyze, reward, Wish(0.5, measure))


def test_every_measured_method_and_reward_is_taken(analyze):
    """Also those that the report compares under another reward, or not at all."""
    rows = synthetic.base()
    for method in ("drift", "noise", "mine"):
        rows += synthetic.checkpoint(method, "hpsv2", 1, 5, values(0.5))
    metrics = pd.DataFrame(rows)
    made = make_checkpoints(metrics, taking_all(analyze, metrics))
    found = pick(made, analyze, "hpsv2", Wish(0.5, "dreamsim", "value"))
    assert {found.picked.best["method"], *found.others} == {"drift", "noise", "mine"}
