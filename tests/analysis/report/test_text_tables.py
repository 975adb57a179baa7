import math

from drift_pipeline.analysis.report.text_tables import gain_text, number_text


def test_numbers():
    assert number_text(0.56976, 4) == "0.5698"
    assert number_text(0.5, 2, 0.125) == "0.50 ± 0.12"
    assert number_text(0.5, 2, math.nan) == "0.50"
    assert number_text(math.nan, 2) == number_text(None, 2) == "–"
    assert gain_text(-0.05) == "-5.00 %"
    assert gain_text(0.4346, 3, 3) == "+43.46 %"
    assert gain_text(math.nan, 0, 3) == "–"
