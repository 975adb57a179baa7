import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from analysis import synthetic

from drift_pipeline.analysis.checkpoints import make_checkpoints
from drift_pipeline.analysis.comparison import compute_all_gains
from drift_pipeline.analysis.report.markup import to_latex, to_markdown
from drift_pipeline.analysis.report.page import _intervals, _paper
from drift_pipeline.analysis.report.text_tables import gains_as_text, table_1_as_text
from drift_pipeline.analysis.table_1 import make_table, table_values

# Table 1 of the paper, and its last row in percent.
PAPER = {
    "pickscore": (
        {
            "base": (0.7476, 0.2678, 1.0000, 78.9582, 0.2653),
            "ddpo": (0.3974, 0.1058, 0.2233, 39.2261, 0.5851),
            "grpo": (0.3804, 0.1105, 0.1989, 36.8989, 0.5927),
            "grpo_kl": (0.4153, 0.1100, 0.2945, 43.7285, 0.5503),
            "drift": (0.5698, 0.1426, 0.3271, 44.8873, 0.9187),
        },
        (43.46, 31.16, 40.68, 12.91, 59.65),
    ),
    "hpsv2": (
        {
            "base": (0.7476, 0.2678, 1.0000, 78.9582, 0.3016),
            "ddpo": (0.4267, 0.1076, 0.3303, 41.5299, 0.5400),
            "grpo": (0.4245, 0.1102, 0.2883, 40.7874, 0.5409),
            "grpo_kl": (0.4342, 0.1120, 0.3496, 44.1385, 0.5961),
            "drift": (0.5737, 0.1439, 0.3734, 45.9274, 0.9252),
        },
        (33.90, 30.93, 16.47, 9.08, 65.86),
    ),
}
# What four printed digits leave open, and two digits of the last row; see test_gains.py.
ROUNDING = 0.012


def built(rows, analyze, reward="pickscore"):
    checkpoints = make_checkpoints(pd.DataFrame(rows), analyze)
    gains = compute_all_gains(checkpoints, analyze, reward)
    return make_table(checkpoints, gains, analyze, reward)


@pytest.mark.parametrize("reward", PAPER)
def test_the_papers_rows_print_the_papers_last_row(analyze, reward):
    rows, expected = PAPER[reward]
    metrics = []
    for method, point in rows.items():
        epoch = 0 if method == "base" else 40
        metrics += synthetic.path(method, reward, 42, {epoch: point})
    table = built(metrics, analyze, reward)
    lines = to_markdown(table_1_as_text(table, analyze), "").strip().splitlines()
    printed = [cell.strip() for cell in lines[-1].split("|")[1:-1]]
    assert printed[0] == "DG / RG (avg.)"
    gained = [*printed[1:5], printed[7]]  # bits, and the share that shows what was asked, between
    percent = [float(cell.removesuffix(" %")) for cell in gained]
    assert all(cell.startswith("+") for cell in gained)
    assert percent == pytest.approx(expected, abs=ROUNDING)
    drift = [cell.strip() for cell in lines[-2].split("|")[1:-1]]
    assert drift[:4] == ["DRIFT", *(f"{value:.4f}" for value in rows["drift"][:3])]
    assert drift[7] == f"{rows['drift'][4]:.4f}"


def test_values_against_plain_loops(analyze):
    metrics = synthetic.world()
    table = built(metrics, analyze).set_index("row")
    assert list(table.index) == ["base", "ddpo", "grpo", "grpo_kl", "drift", "gain"]
    for method in table.index[:-1]:
        last = max(row["epoch"] for row in metrics.to_dict("records") if row["method"] == method)
        for row in metrics.to_dict("records"):
            mine = row["method"] == method and row["epoch"] == last
            if not mine or row["reward"] not in ("", "pickscore"):
                continue
            if row["metric"] in synthetic.DIVERSITY:
                found = table.loc[method, [row["metric"] + end for end in ("", "_low", "_high")]]
                assert found.tolist() == [row["value"], row["low"], row["high"]]
            if row["metric"] == "reward" and row["encoder"] == "pickscore":
                assert table.loc[method, "reward_raw"] == row["value"]


def test_what_was_asked_and_the_true_reward_stand_beside_the_diversities(analyze):
    rows = synthetic.base(true=0.4)
    for method, kept, shows, true in (("grpo", 0.4, 0.6, 0.3), ("drift", 0.5, 0.9, 0.7)):
        points = synthetic.trade(kept, 0.8)
        rows += synthetic.path(method, "pickscore", 42, points, shows=shows, true=true)
    table = built(rows, analyze)
    text = table_1_as_text(table, analyze)
    labels = ["Share that shows what was asked ↑", "Reward (normalised) ↑", "Reward (raw) ↑"]
    assert text.header[5:] == ["Bits of free attributes ↑", *labels, "True reward ↑"]
    shown = {row[0]: (row[6], row[9]) for row in text.rows}
    assert shown["GRPO"] == ("0.6000", "0.3000")
    assert shown["DRIFT"] == ("0.9000", "0.7000")
    assert shown["DG / RG (avg.)"] == ("", "")
    values = table_values(table)
    assert values["grpo"]["shows_prompt"] == 0.6 and values["grpo"]["true_reward"] == 0.3
    assert values["grpo"]["bits"] == pytest.approx(8 * 0.75 * 0.4)
    # One table for all readers: every column of numbers has its interval.
    assert len(_intervals(table, analyze)[0]) == len(text.header)
    # The paper's numbers stay under their own columns.
    paper = _paper("pickscore", table, analyze)
    assert paper[:4] == ["+43.46 %", "+31.16 %", "+40.68 %", "+12.91 %"]
    assert paper[4:] == ["", "", "+59.65 %", "", ""]


def test_what_nobody_measured_has_no_column(analyze):
    metrics = pd.DataFrame(synthetic.world())
    metrics = metrics[~metrics["metric"].isin(["bits", "true_reward"])]
    metrics = metrics[metrics["encoder"] != "shows_prompt"]
    pairs = {*zip(metrics["metric"], metrics["encoder"], strict=True)}
    earlier = analyze.with_measured(pairs)
    assert analyze.with_measured(pairs | {("bits", "all")}) == analyze
    assert analyze.with_measured(pairs | {("bits", "coat")}) == earlier
    table = built(metrics, earlier)
    text = table_1_as_text(table, earlier)
    assert len(text.header) == 7 and not {"bits", "bits_low"} & {*table.columns}
    # A table from before they were measured reads the same.
    old = table.drop(columns=[c for c in table if c.startswith(("shows_prompt", "true_reward"))])
    assert table_1_as_text(old, earlier) == text
    gains = compute_all_gains(make_checkpoints(metrics, earlier), earlier, "pickscore")
    header = gains_as_text(gains[gains["comparison"] == "main"], earlier).header
    assert not [cell for cell in header if "→" in cell or "bits" in cell]
    before = gains.drop(columns=[c for c in gains if c.endswith(("_asked", "_true"))])
    assert gains_as_text(before[before["comparison"] == "main"], earlier).header == header


def test_gains_say_what_both_checkpoints_show(analyze):
    metrics = pd.DataFrame(
        [
            *synthetic.base(true=0.4),
            *synthetic.path("grpo", "pickscore", 42, {40: (0.4, 0.1, 0.2, 40.0, 0.6)}, true=0.3),
            *synthetic.path(
                "drift", "pickscore", 42, {40: (0.5, 0.2, 0.3, 50.0, 0.7)}, shows=0.5, true=0.7
            ),
        ]
    )
    gains = compute_all_gains(make_checkpoints(metrics, analyze), analyze, "pickscore")
    over_grpo = gains[(gains["comparison"] == "main") & (gains["baseline"] == "grpo")]
    text = gains_as_text(over_grpo, analyze)
    (cells,) = text.rows
    both = ["Share that shows what was asked: its → ours", "True reward: its → ours"]
    dg, rg = text.header.index("DG read at"), text.header.index("RG read at")
    assert text.header[dg + 1 : dg + 3] == text.header[rg + 1 : rg + 3] == both
    assert cells[dg + 1 : dg + 3] == cells[rg + 1 : rg + 3] == ["0.970 → 0.500", "0.300 → 0.700"]
    assert r"0.970 $\rightarrow$ 0.500" in to_latex(text, "", "")


def test_seeds_are_averaged_and_their_spread_is_given(analyze):
    metrics = synthetic.world(seeds=(42, 43, 44))
    table = built(metrics, analyze).set_index("row")
    rows = metrics[
        (metrics["method"] == "drift") & (metrics["reward"] == "pickscore")
        & (metrics["metric"] == "dreamsim") & (metrics["epoch"] == 40)
    ]  # fmt: skip
    assert rows["value"].nunique() == 3
    assert table.loc["drift", "seeds"] == 3
    assert table.loc["drift", "dreamsim"] == pytest.approx(np.mean(rows["value"]))
    assert table.loc["drift", "dreamsim_spread"] == pytest.approx(np.std(rows["value"], ddof=1))
    assert math.isnan(table.loc["base", "dreamsim_spread"])
    cells = table_1_as_text(table.reset_index(), analyze).rows[4]
    assert re.fullmatch(r"0\.\d{4} ± 0\.\d{4}", cells[1])


def test_missing_methods_leave_dashes_and_say_of_how_many(analyze):
    metrics = synthetic.world()
    metrics = metrics[metrics["run"] != "grpo_kl-pickscore-s42"]
    table = built(metrics, analyze)
    text = table_1_as_text(table, analyze)
    assert text.rows[3] == ["GRPO-KL", *["–"] * 9]
    assert text.rows[-1][1].endswith("% (2 of 3)")
    assert table.set_index("row").loc["grpo_kl", "seeds"] == 0


def test_a_method_of_ones_own_stands_only_where_it_was_measured(analyze):
    more = analyze.with_presets({"third": {}}, {"mine": {}, "never": {}})
    metrics = [
        *synthetic.world().to_dict("records"),
        *synthetic.path("mine", "hpsv2", 42, synthetic.trade(0.5, 0.8)),
    ]
    compared = ["base", "ddpo", "grpo", "grpo_kl"]
    for reward, own in (("pickscore", []), ("hpsv2", ["mine"]), ("third", [])):
        assert [*built(metrics, more, reward)["row"]] == [*compared, *own, "drift", "gain"]


def test_values_are_plain_json(analyze):
    metrics = synthetic.world()
    table = built(metrics[metrics["run"] != "grpo_kl-pickscore-s42"], analyze)
    values = json.loads(json.dumps(table_values(table), allow_nan=False))
    assert values["grpo_kl"]["dreamsim"] is None
    assert values["drift"]["dreamsim"] == table.set_index("row").loc["drift", "dreamsim"]
    assert values["drift"]["dreamsim_low"] < values["drift"]["dreamsim"]
    assert values["gain"]["dreamsim_baselines"] == 2


def test_latex_and_markdown_have_the_same_cells(analyze):
    text = table_1_as_text(built(synthetic.world(), analyze), analyze)
    markdown = to_markdown(text, "Caption").splitlines()
    latex = to_latex(text, "All & 100 %", "tab:x")
    assert markdown[0] == "Caption"
    assert markdown[3] == "| --- " + "| ---: " * 9 + "|"
    for row in text.rows:
        assert "| " + " | ".join(row) + " |" in markdown
        assert " & ".join(cell.replace("%", r"\%") for cell in row) + r" \\" in latex
    assert latex.count(r"\midrule") == 3
    assert r"\toprule" in latex and r"\bottomrule" in latex
    assert r"\caption{All \& 100 \%}" in latex
    assert r"\begin{tabular}{lrrrrrrrrr}" in latex
