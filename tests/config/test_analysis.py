"""Presets of one's own in the report, without a word about them in its parameters."""

import pytest

from drift_pipeline.config.analysis import Analyze


@pytest.fixture
def analyze(configuration) -> Analyze:
    comparisons = configuration["analyze"]["comparisons"]
    seeded = {name: {**values, "seeds": [1, 2]} for name, values in comparisons.items()}
    return Analyze.model_validate({**configuration["analyze"], "comparisons": seeded})


def test_what_is_only_measured_is_not_compared(analyze):
    kinds = {"measured_only": True, "kinds": True}
    presets = {"third": {}, "measured": {"measured_only": True}, "coat": kinds}
    assert analyze.all_rewards(presets) == ("pickscore", "hpsv2", "third")
    assert not {"measured", "coat"} & {*analyze.with_presets(presets, {}).rewards}


def test_presets_that_are_named_change_nothing(analyze, configuration):
    named = {name: configuration["rewards"][name] for name in analyze.rewards}
    assert analyze.with_presets(named, configuration["methods"]) == analyze


def test_the_demanding_rewards_are_taken_in_and_not_missed(analyze, configuration):
    more = analyze.with_presets(configuration["rewards"], configuration["methods"])
    assert {*more.rewards} - {*analyze.rewards} == {"dusk", "frost"}
    assert more.expected_runs() == analyze.expected_runs()


def test_rewards_and_methods_of_ones_own_are_taken_in_and_not_missed(analyze):
    more = analyze.with_presets(
        {"pickscore": {}, "hpsv2": {}, "mine": {"label": "Darkness"}, "unnamed": {"label": None}},
        {"drift": {}, "grpo": {}, "scaled": {"label": "Scaled"}, "other": {}},
    )
    assert more.rewards["mine"].label == "Darkness"
    assert more.rewards["unnamed"].label == "unnamed"
    assert more.rewards["pickscore"] == analyze.rewards["pickscore"]
    assert [*more.comparisons_of("mine")] == ["main", "shaping"]
    assert {("grpo", "mine"), ("scaled", "mine"), ("scaled", "hpsv2")} <= more.compared()
    assert more.expected_runs() == analyze.expected_runs()
    styles = [more.methods[name] for name in more.comparisons["main"].methods]
    assert len({(style.colour, style.marker) for style in styles}) == len(styles)
    assert more.methods["scaled"].label == "Scaled"


def test_many_methods_of_ones_own_all_look_different(analyze):
    own = {f"m{number}": {} for number in range(32)}
    methods = analyze.with_presets({}, own).methods
    assert len({(methods[name].colour, methods[name].marker) for name in own}) == len(own)
    given = {(style.colour, style.marker) for style in analyze.methods.values()}
    assert not given & {(methods[name].colour, methods[name].marker) for name in own}


def test_a_method_that_has_a_style_keeps_it(analyze):
    style = analyze.methods["ddpo"].model_copy(update={"label": "Mine"})
    named = analyze.model_copy(update={"methods": {**analyze.methods, "mine": style}})
    assert named.with_presets({}, {"mine": {"label": "Other"}}).methods["mine"].label == "Mine"
