"""The report: one page with every table and figure in it, that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
import pandas as pd

from drift_pipeline.analysis.asked import IN_PERCENT
from drift_pipeline.analysis.checkpoints import (
    any_measured,
    last_checkpoints,
    missing_runs,
    reported,
)
from drift_pipeline.analysis.comparison import REWARD, TRUE, average_gains
from drift_pipeline.analysis.marks import sum_up
from drift_pipeline.analysis.other_judges import judged_by_others
from drift_pipeline.analysis.report.text_tables import (
    TextTable,
    gain_text,
    gains_as_text,
    judged_as_text,
    marks_as_text,
    number_text,
    table_1_as_text,
    table_1_columns,
)
from drift_pipeline.analysis.report.verdict import chance, verdicts
from drift_pipeline.analysis.table_1 import GAIN_ROW
from drift_pipeline.config.analysis import Analyze

TEMPLATES = resources.files("drift_pipeline.analysis.report") / "templates"
KINDS = {
    "missing": "Missing",
    "left out": "Measured, but not compared",
    "beyond": "Where a baseline went farther",
    "absent gain": "Gains that could not be computed",
    "loss": "Where it is worse",
    "within noise": "Within the noise",
    "caution": "Read with caution",
}
"""Kinds of findings, in the order in which the report lists them."""


def render(
    checkpoints: pd.DataFrame,
    findings: list[dict[str, str]],
    parts: Mapping[str, Any],
    analyze: Analyze,
) -> str:
    """Write the page.

    Args:
        checkpoints: As `make_checkpoints` makes them.
        findings: As `list_findings` makes them.
        parts: Named `<reward>.<part>`: the tables `gains`, `marks` and `table_1`, and figures by
            name in `marks_figures`, `fronts`, `bars`, `curves`, `collapse`, `grids` and `figures`.
        analyze: What was compared.

    Returns:
        HTML that loads nothing.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (TEMPLATES / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    last = last_checkpoints(checkpoints)
    return environment.get_template("report.html").render(
        analyze=analyze,
        ours=_label(analyze, analyze.comparisons[analyze.main].ours),
        anchor=analyze.measures[analyze.anchor].label,
        rewards=[
            _reward(checkpoints, name, _parts_of(name, parts), analyze)
            for name in reported(checkpoints, analyze)
        ],
        runs=_runs(checkpoints, last, analyze),
        missing=missing_runs(checkpoints, analyze),
        images=sorted({int(n) for n in checkpoints["n"]}),
        protocol=", ".join(sorted({str(p) for p in checkpoints["protocol"]})),
        findings=[
            (title, [f for f in findings if f["kind"] == kind]) for kind, title in KINDS.items()
        ],
        further=_further(last, analyze),
        least=IN_PERCENT,
        chance=chance(checkpoints, analyze),
    )


def _parts_of(reward: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    start = f"{reward}."
    return {name.removeprefix(start): p for name, p in parts.items() if name.startswith(start)}


def _reward(
    checkpoints: pd.DataFrame, name: str, parts: Mapping[str, Any], analyze: Analyze
) -> dict[str, Any]:
    gains, summary = parts["gains"], sum_up(parts["marks"])
    return {
        "name": name,
        "judged": judged_as_text(judged_by_others(checkpoints, analyze, name), analyze),
        "label": analyze.rewards[name].label,
        "table": table_1_as_text(parts["table_1"], analyze),
        "intervals": _intervals(parts["table_1"], analyze),
        "paper": _paper(name, parts["table_1"], analyze),
        "curves": parts["curves"],
        "collapse": parts["collapse"],
        "figures": parts["figures"],
        "comparisons": [
            {
                "name": key,
                "about": comparison,
                "verdicts": verdicts(summary, analyze, key),
                "ours": _label(analyze, comparison.ours),
                "baselines": [_label(analyze, method) for method in comparison.baselines],
                "gains": gains_as_text(gains[gains["comparison"] == key], analyze),
                "summary": _summary(gains[gains["comparison"] == key], analyze),
                "measured": any_measured(checkpoints, [comparison.ours], name),
                "marks": marks_as_text(summary[summary["comparison"] == key], analyze),
                "along": parts["marks_figures"].get(key),
                "fronts": parts["fronts"].get(key),
                "bars": parts["bars"].get(key),
                "grid": parts["grids"].get(key),
            }
            for key, comparison in analyze.comparisons_of(name).items()
        ],
    }


def _summary(gains: pd.DataFrame, analyze: Analyze) -> list[tuple[str, str]]:
    """List the average gains by name, the reward's last; absent where nothing is compared."""
    labels = {name: measure.label for name, measure in analyze.measures.items()}
    labels[REWARD] = "reward"
    averages = average_gains(gains).set_index("measure").reindex([*labels])
    values = averages[["gain", "baselines", "of"]].itertuples(index=False)
    return [(label, gain_text(*row)) for label, row in zip(labels.values(), values, strict=True)]


def _intervals(table: pd.DataFrame, analyze: Analyze) -> list[list[str]]:
    """Write what stands below the table's cells: intervals of methods, and the gains' extremes."""
    rows = []
    for row in table.to_dict("records"):
        cells = [""]
        for column in table_1_columns(table, analyze):
            low, high = row.get(f"{column}_low"), row.get(f"{column}_high")
            if pd.isna(low) or pd.isna(high):
                cells.append("")
            elif row["row"] == GAIN_ROW:
                cells.append(f"{gain_text(low)} to {gain_text(high)}")
            else:
                digits = analyze.measures[column].decimals if column in analyze.measures else 3
                cells.append(f"{number_text(low, digits)} – {number_text(high, digits)}")
        rows.append(cells)
    return rows


def _paper(name: str, table: pd.DataFrame, analyze: Analyze) -> list[str]:
    """Return the paper's last row of Table 1, or nothing."""
    paper = analyze.rewards[name].paper
    columns = ["reward" if c == REWARD else c for c in table_1_columns(table, analyze)]
    cells = [paper.get(column) for column in columns]
    if all(cell is None for cell in cells):
        return []
    return ["" if cell is None else f"{cell:+.2f} %" for cell in cells]


def _runs(checkpoints: pd.DataFrame, last: pd.DataFrame, analyze: Analyze) -> TextTable:
    counts = checkpoints.groupby(["reward", "run"])["epoch"].nunique()
    rows = []
    for row in last.drop_duplicates("run").to_dict("records"):
        trained = row["method"] != analyze.base
        rows.append(
            [
                str(row["run"]),
                _label(analyze, str(row["method"])),
                analyze.rewards[str(row["reward"])].label if trained else "",
                str(row["seed"]) if trained else "",
                str(counts[row["reward"], row["run"]]),
                str(row["epoch"]) if trained else "",
                f"{row['images']:,.0f}" if trained else "",
                f"{row['seconds']:,.0f}" if trained else "",
            ]
        )
    header = ["Run", "method", "reward", "seed", "checkpoints", "last epoch", "images", "seconds"]
    return TextTable(header, rows, words=3)


def _further(last: pd.DataFrame, analyze: Analyze) -> TextTable:
    header = ["Run", *(measure.label for measure in analyze.further.values()), "true reward"]
    rows = []
    for row in last.to_dict("records"):
        cells = [number_text(row[k], m.decimals) for k, m in analyze.further.items()]
        name = str(row["run"])
        if row["method"] == analyze.base:
            name = f"{name} ({analyze.rewards[str(row['reward'])].label})"
        rows.append([name, *cells, number_text(row[TRUE], 4)])
    return TextTable(header, rows)


def _label(analyze: Analyze, method: str) -> str:
    return analyze.methods[method].label
