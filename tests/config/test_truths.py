"""True rewards: functions, or classes of one's own with options."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.components import RewardSpec
from drift_pipeline.config.truths import check_truths, make_truth

IMAGES = torch.arange(2 * 3 * 4 * 4).view(2, 3, 4, 4).to(torch.uint8)
WHERE = "rewards.mine.truth"


class Taste:
    """Likes what a file says."""

    def __init__(self, file, weight=1.0, device="nowhere"):
        self.channel = int(Path(file).read_text())
        self.weight, self.device = weight, device

    def __call__(self, images):
        return self.weight * images[:, self.channel].float().mean(dim=(1, 2))


class Plain:
    """Takes nothing."""

    def __call__(self, images):
        return images.float().mean(dim=(1, 2, 3))


def function(images):
    return images.float().mean(dim=(1, 2, 3))


def spec(name, **options):
    truth = f"{__name__}.{name}"
    return RewardSpec(scorer="brightness.Brightness", truth=truth, truth_options=options)


def test_a_class_is_made_with_its_options(tmp_path):
    (tmp_path / "channel.txt").write_text("2")
    options = {"file": "channel.txt", "weight": 2.0}
    truth = make_truth(f"{__name__}.Taste", options, tmp_path, "cpu", WHERE)
    assert torch.equal(truth(IMAGES), 2 * IMAGES[:, 2].float().mean(dim=(1, 2)))
    assert truth.device == "cpu"
    named = make_truth(f"{__name__}.Taste", {**options, "device": "x"}, tmp_path, "cpu", WHERE)
    assert named.device == "x"


def test_a_class_without_options_and_a_function_are_asked_alike(tmp_path):
    assert make_truth(f"{__name__}.function", {}, tmp_path, "cpu", WHERE) is function
    plain = make_truth(f"{__name__}.Plain", {}, tmp_path, "cpu", WHERE)
    assert torch.equal(plain(IMAGES), function(IMAGES))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=rf"{WHERE}: .*absent\.txt"):
        make_truth(f"{__name__}.Taste", {"file": "absent.txt"}, tmp_path, "cpu", WHERE)


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        (spec("Taste", file="x", noise=3),
         r"truth_options\.noise: is not an option of .*\.Taste; it takes: file, weight, device"),
        (spec("Taste", file="x", wieght=3),
         r"truth_options\.wieght: is not an option of .*\.Taste; did you mean weight"),
        (spec("Taste", weight=3), r"truth_options: .*\.Taste needs 'file'"),
        (spec("Plain", weight=3), r"truth_options\.weight: .*\.Plain; it takes: none"),
        (spec("function", weight=3), r"truth_options: .*\.function is no class"),
        (spec("absent"), r"truth: cannot import"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_in_one_line(reward, message):
    with pytest.raises(ConfigurationError, match=rf"^rewards\.mine\.{message}") as error:
        check_truths({"mine": reward})
    assert "\n" not in str(error.value)


def test_what_can_be_made_is_let_through():
    without = RewardSpec(scorer="brightness.Brightness")
    both = {"a": spec("Taste", file="x"), "b": spec("Plain"), "c": spec("function"), "d": without}
    check_truths(both)


def test_options_of_nothing_are_refused():
    with pytest.raises(ValidationError, match="there is no truth to give them to"):
        RewardSpec(scorer="x.Y", truth_options={"file": "x"})
    taken_away = RewardSpec(scorer="x.Y", truth=None, truth_options=None)
    assert taken_away.truth_options == {}
