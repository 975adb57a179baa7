"""A table of text as Markdown and as LaTeX."""

from __future__ import annotations

import pandas as pd

from drift_pipeline.analysis.report.text_tables import TextTable

LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "↑": r"($\uparrow$)",
    "λ": r"$\lambda$",
    "–": "--",
    "→": r"$\rightarrow$",
}


def to_markdown(table: TextTable, caption: str) -> str:
    """Write a table of text as a Markdown table.

    Args:
        table: The cells; a `|` in one is escaped.
        caption: A line above it.
    """
    numbers = len(table.header) - table.words
    lines = [table.header, ["---"] * table.words + ["---:"] * numbers, *table.rows]
    rows = "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
    return f"{caption}\n\n{rows}\n"


def to_latex(table: TextTable, caption: str, label: str) -> str:
    r"""Write a table of text as a LaTeX table; it needs `\usepackage{booktabs}`.

    Args:
        table: The cells, plain text; what LaTeX reads as commands is escaped.
        caption: The caption, plain text.
        label: The name for `\ref`.
    """
    style = pd.DataFrame(table.rows, columns=table.header).style.hide(axis="index")
    style = style.format(escape).format_index(escape, axis="columns")
    lines = style.to_latex(
        column_format="l" * table.words + "r" * (len(table.header) - table.words),
        position="t",
        position_float="centering",
        hrules=True,
        caption=escape(caption),
        label=label,
    ).split("\n")
    first = lines.index(r"\midrule") + 1
    for row in sorted(table.rule, reverse=True):
        lines.insert(first + row, r"\midrule")
    return "\n".join(lines)


def escape(text: object) -> str:
    r"""Write plain text so that LaTeX shows it as it is.

    Example:
        >>> print(escape("grpo_kl: +43.46 %"))
        grpo\_kl: +43.46 \%
    """
    return "".join(LATEX.get(character, character) for character in str(text))
