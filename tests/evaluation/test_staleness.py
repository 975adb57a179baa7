"""What no longer belongs to its checkpoint."""

import pytest

from drift_pipeline.common import source
from drift_pipeline.config.components import PolicySpec
from drift_pipeline.evaluation import staleness

POLICY = {"policy": "flow_policy.RectifiedFlow", "options": {"around": "around", "width": 8}}


def test_images_that_other_code_drew_are_other_images(run, protocol, monkeypatch):
    before = staleness.images_identity(run, "policy", 3, protocol)
    assert staleness.images_identity(run, "policy", 3, protocol) == before
    monkeypatch.setattr(staleness, "drawing_code", lambda: "edited")
    assert staleness.images_identity(run, "policy", 3, protocol) != before


@pytest.fixture
def flow(run):
    """A run of a policy of one's own; its base model and what an option names are files."""
    for name in ("base", "around", "other"):
        (run.root / name).write_text(name)
    return other(run, base_model="base", policy=PolicySpec(**POLICY))


def other(run, **train):
    return run.model_copy(update={"train": run.train.model_copy(update=train)})


def other_policy(run, **spec):
    return other(run, policy=run.train.policy.model_copy(update=spec))


def other_option(run, **options):
    return other_policy(run, options={**run.train.policy.options, **options})


def expected(run, protocol):
    """Of the base model, of its second draw and of a checkpoint."""
    found = staleness.expected_images(run, protocol, [3], {}, will_train=True)
    assert found.keys() == {"base", "base_fresh", "epoch_0003"}
    more = staleness.expected_images(run, protocol, [3], {}, will_train=True, many=7)
    assert more.keys() - found.keys() == {"base_many"}
    assert more["base_many"]["protocol"] == protocol.many(7).hash
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda run: other(run, base_model="other"),
        lambda run: other(run, precision="bf16"),
        lambda run: other_policy(run, policy="torch.nn.Identity"),
        lambda run: other_option(run, width=16),
        lambda run: other_option(run, around="other"),
    ],
    ids=["base model", "precision", "class", "option", "file of an option"],
)
def test_images_count_with_all_that_draws_them(flow, protocol, change):
    before, after = expected(flow, protocol), expected(change(flow), protocol)
    assert [place for place in before if before[place] == after[place]] == []


@pytest.mark.parametrize("name", ["base", "around"])
def test_images_count_with_the_content_of_what_draws_them(flow, protocol, name):
    before = expected(flow, protocol)
    (flow.root / name).write_text("edited")
    after = expected(flow, protocol)
    assert [place for place in before if before[place] == after[place]] == []


def test_images_count_with_the_source_of_ones_own_policy(flow, run, protocol, monkeypatch):
    before, stable = expected(flow, protocol), expected(run, protocol)
    read = source.read

    def edited(file):
        return read(file) + (b"# edited" if file.name == "flow_policy.py" else b"")

    monkeypatch.setattr(source, "read", edited)
    after = expected(flow, protocol)
    assert [place for place in before if before[place] == after[place]] == []
    assert expected(run, protocol) == stable


def test_images_do_not_count_with_what_draws_nothing(flow, protocol):
    slower = other(flow, groups_per_epoch=9, device="cpu", workers=2, progress=False)
    assert expected(slower, protocol) == expected(flow, protocol)
