"""What was picked, in lines for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from drift_pipeline.analysis.picking import Candidates, Choice, Wish, share_column
from drift_pipeline.config.analysis import Analyze


def describe(choice: Choice, analyze: Analyze, reward: str, wish: Wish) -> list[str]:
    """Say which checkpoint was picked, what it has, and what other methods have instead.

    Args:
        choice: Something was picked.
        analyze: How measures are called.
        reward: The reward that the runs were trained on.
        wish: What was asked for.
    """
    picked, best = choice.picked, choice.picked.best
    assert best is not None
    diversity = analyze.measures[wish.measure].label
    rows = [(f"reward ({analyze.rewards[reward].label})", _rewards(best, choice.base))]
    rows += [(about.label, _share(best, name)) for name, about in analyze.measures.items()]
    if analyze.asked is not None:
        rows.append((analyze.further[analyze.asked].label, _asked(best, choice.base, analyze)))
    keep = "keeps" if picked.kept == 1 else "keep"
    return [
        f"{_name(best)}: of {picked.count} checkpoints, {picked.kept} {keep} {_demand(wish)} of "
        f"the base model's {diversity}, and this one has the most reward",
        *_columns(rows),
        *_others(choice, wish, diversity),
        *_left_out(choice),
    ]


def say_nothing_keeps(choice: Choice, analyze: Analyze, wish: Wish) -> str:
    """Say in one line what the most is that anything keeps.

    Args:
        choice: Nothing was picked.
        analyze: How measures are called.
        wish: What was asked for.
    """
    most = choice.picked.most
    # Rounded down, so that the advice holds.
    share = math.floor(1000 * most[wish.column]) / 1000
    less = f"; give --keep {share:g} or less" if share > 0 else ""
    helps = wish.by == "low" and choice.picked.highest >= wish.keep
    other = ", or take the value for it with --by value" if helps else ""
    left_out = "".join(f" ({line[:-1].lower()})" for line in _left_out(choice))
    return (
        f"none of the {choice.picked.count} checkpoints keeps {_demand(wish)} of the base model's "
        f"{analyze.measures[wish.measure].label}: the most is {100 * share:.1f} %, "
        f"{_name(most)}{less}{other}{left_out}"
    )


def _demand(wish: Wish) -> str:
    end = " (lower end of the interval)" if wish.by == "low" else ""
    return f"{100 * wish.keep:g} %{end}"


def _name(row: dict[str, Any]) -> str:
    return f"{row['run']}, epoch {row['epoch']}"


def _rewards(row: dict[str, Any], base: dict[str, Any]) -> str:
    return (
        f"{row['reward_raw']:.4g}, normalised {row['reward_normalised']:.3f} "
        f"(base model {base['reward_raw']:.4g}, {base['reward_normalised']:.3f})"
    )


def _share(row: dict[str, Any], measure: str) -> str:
    value, low, high = (100 * row[share_column(measure) + end] for end in ("", "_low", "_high"))
    if math.isnan(value):
        return "not measured"
    return f"{value:.1f} % of the base model's ({low:.1f} to {high:.1f})"


def _asked(row: dict[str, Any], base: dict[str, Any], analyze: Analyze) -> str:
    here, there = (float(each.get(str(analyze.asked), math.nan)) for each in (row, base))
    if math.isnan(here):
        return "not measured"
    known = "not measured" if math.isnan(there) else f"{100 * there:.1f} %"
    return f"{100 * here:.1f} % of its images (base model {known})"


def _others(choice: Choice, wish: Wish, diversity: str) -> Iterator[str]:
    """Say what the other methods have, the most reward first, and then who keeps too little."""

    def order(found: Candidates) -> tuple[bool, float]:
        row = found.best or found.most
        return found.best is None, -row["reward_raw" if found.best else wish.column]

    if choice.others:
        yield "Of other methods, the most reward that keeps as much:"
    rows = []
    for method, found in sorted(choice.others.items(), key=lambda item: order(item[1])):
        if (best := found.best) is not None:
            text = f"{best['reward_raw']:.4g}, normalised {best['reward_normalised']:.3f}; "
            rows.append((_name(best), f"{text}{diversity} {_share(best, wish.measure)}"))
        else:
            share = math.floor(1000 * found.most[wish.column]) / 10
            rows.append((method, f"nothing; the most is {share:.1f} %, {_name(found.most)}"))
    yield from _columns(rows)


def _left_out(choice: Choice) -> Iterator[str]:
    if count := choice.off_prompt:
        what = "1 checkpoint that no longer shows" if count == 1 else \
            f"{count} checkpoints that no longer show"  # fmt: skip
        yield f"Left out: {what} what was asked."


def _columns(rows: list[tuple[str, str]]) -> Iterator[str]:
    width = max((len(name) for name, _ in rows), default=0)
    return (f"  {name:<{width}}  {text}" for name, text in rows)
