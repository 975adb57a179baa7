import doctest
import importlib
import math

import pytest

from drift_pipeline.analysis.printing import escape, to_markdown
from drift_pipeline.analysis.sheets import Sheet, gain_text, number_text


@pytest.mark.parametrize("module", ["printing", "sheets", "shown"])
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
    assert r"| a\|b | 1 |" in to_markdown(Sheet(["x", "y"], [["a|b", "1"]]), "")


def test_numbers():
    assert number_text(0.56976, 4) == "0.5698"
    assert number_text(0.5, 2, 0.125) == "0.50 ± 0.12"
    assert number_text(0.5, 2, math.nan) == "0.50"
    assert number_text(math.nan, 2) == number_text(None, 2) == "–"
    assert gain_text(-0.05) == "-5.00 %"
    assert gain_text(0.4346, 3, 3) == "+43.46 %"
    assert gain_text(math.nan, 0, 3) == "–"
