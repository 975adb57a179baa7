import doctest
import importlib

import pytest

from drift_pipeline.analysis.report.markup import escape, to_markdown
from drift_pipeline.analysis.report.text_tables import TextTable


@pytest.mark.parametrize("module", ["figures.inputs", "report.markup", "report.text_tables"])
def test_examples(module):
    outcome = doctest.testmod(importlib.import_module(f"drift_pipeline.analysis.{module}"))
    assert outcome.attempted
    assert not outcome.failed


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("a_b & 5 %", r"a\_b \& 5 \%"),
        ("{$x^2$}#~", r"\{\$x\textasciicircum{}2\$\}\#\textasciitilde{}"),
        ("a\\b", r"a\textbackslash{}b"),
        ("0.1 ± 0.2", r"0.1 $\pm$ 0.2"),
    ],
)
def test_latex_shows_text_as_it_is(text, latex):
    assert escape(text) == latex


def test_a_bar_does_not_end_a_markdown_cell():
    assert r"| a\|b | 1 |" in to_markdown(TextTable(["x", "y"], [["a|b", "1"]]), "")
