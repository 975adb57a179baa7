"""A sheet of text as Markdown and as LaTeX."""

from __future__ import annotations

from drift_pipeline.analysis.sheets import Sheet

LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "↑": r"($\uparrow$)",
    "λ": r"$\lambda$",
    "–": "--",
}


def to_markdown(sheet: Sheet, caption: str) -> str:
    """Write a sheet as a Markdown table.

    Args:
        sheet: The cells; a `|` in one is escaped.
        caption: A line above it.
    """
    numbers = len(sheet.header) - sheet.words
    lines = [sheet.header, ["---"] * sheet.words + ["---:"] * numbers, *sheet.rows]
    table = "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
    return f"{caption}\n\n{table}\n"


def to_latex(sheet: Sheet, caption: str, label: str) -> str:
    r"""Write a sheet as a LaTeX table; it needs `\usepackage{booktabs}`.

    Args:
        sheet: The cells, plain text; what LaTeX reads as commands is escaped.
        caption: The caption, plain text.
        label: The name for `\ref`.
    """
    body, numbers = [], len(sheet.header) - sheet.words
    for index, row in enumerate(sheet.rows):
        if index in sheet.rule:
            body.append(r"\midrule")
        body.append(_row(row))
    return "\n".join(
        [
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{{'l' * sheet.words}{'r' * numbers}}}",
            r"\toprule",
            _row(sheet.header),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def escape(text: str) -> str:
    r"""Write plain text so that LaTeX shows it as it is.

    Example:
        >>> print(escape("grpo_kl: +43.46 %"))
        grpo\_kl: +43.46 \%
    """
    return "".join(LATEX.get(character, character) for character in text)


def _row(cells: list[str]) -> str:
    return " & ".join(escape(cell) for cell in cells) + r" \\"
