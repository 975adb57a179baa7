"""What a reward or an encoder of anybody's may give, and what is said of the rest."""

import numpy as np
import pytest
import torch

from drift_pipeline.common.asking import (
    JudgeError,
    NotFiniteError,
    ask_encoder,
    ask_scorer,
    ask_truth,
)

IMAGES = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
SCORES = [0.25, 0.5, 0.75]


def scored(given, images=IMAGES):
    return ask_scorer("mine", lambda images, prompts: given, images, ["a"] * len(images))


@pytest.mark.parametrize(
    "given",
    [
        SCORES,
        tuple(SCORES),
        np.array(SCORES),
        np.array(SCORES, dtype=np.float32).reshape(3, 1),
        torch.tensor(SCORES, dtype=torch.bfloat16),
        torch.tensor(SCORES).view(3, 1),
        torch.tensor(SCORES, requires_grad=True),
        [torch.tensor(score) for score in SCORES],
        (np.array(SCORES), {}),  # as ddpo-pytorch's rewards give them
        (torch.tensor(SCORES), {"strict": [1, 2, 3]}),
    ],
    ids=str,
)
def test_one_number_an_image_is_taken_in_any_shape(given):
    scores = scored(given)
    assert scores.shape == (3,)
    assert scores.tolist() == SCORES
    assert not scores.requires_grad


def test_the_number_format_is_the_rewards_own():
    assert scored(np.array(SCORES)).dtype == torch.float64
    assert scored(torch.tensor(SCORES)).dtype == torch.float32


def test_a_reward_of_one_image_may_be_a_number():
    assert scored(0.5, IMAGES[:1]).tolist() == [0.5]
    assert scored(([0.5], {}), IMAGES[:1]).tolist() == [0.5]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "gave None for 3 images"),
        (0.5, "gave float 0.5 for 3 images"),
        ({"score": SCORES}, "gave a dict with the keys 'score' for 3 images"),
        (({"avg": SCORES}, {}), "gave a dict with the keys 'avg'"),
        (torch.zeros(2), r"gave a tensor of shape \(2,\) and type torch.float32 for 3 images"),
        (torch.zeros(3, 2), r"a tensor of shape \(3, 2\)"),
        (torch.zeros(3, dtype=torch.complex64), "type torch.complex64"),
        (np.array(["a", "b", "c"]), r"an array of shape \(3,\) and type <U1"),
        (SCORES[:2], "gave a list of length 2 of float"),
        (["a", "b", "c"], "gave a list of length 3 of str"),
        ((SCORES, None), "gave a tuple of length 2 of NoneType, list"),
        ("abc", "gave str 'abc'"),
    ],
)
def test_anything_else_is_named_in_one_line(given, message):
    with pytest.raises(JudgeError, match=f"^the reward 'mine' .*{message}") as error:
        scored(given)
    assert "must give one number per image" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_score_that_training_cannot_hold_is_named_with_its_image(value):
    given = np.array([0.0, value, 0.0])
    with pytest.raises(NotFiniteError, match=r"image 2 of 3: the score of the reward 'mine' is"):
        scored(given)
    with pytest.raises(FloatingPointError, match=r"^group 1: the score"):
        ask_scorer("mine", lambda *_: given, IMAGES, ["a"] * 3, lambda row: f"group {row}")


def test_whatever_raises_is_named(caplog):
    caplog.set_level("DEBUG", "drift_pipeline")

    def broken(*_):
        raise RuntimeError("CUDA out of memory.\nTried to allocate 1 GiB")

    calls = {
        "the reward 'mine'": lambda: ask_scorer("mine", broken, IMAGES, ["a"] * 3),
        "the true reward of 'mine'": lambda: ask_truth("mine", broken, IMAGES),
        "the encoder 'mine'": lambda: ask_encoder("mine", broken, IMAGES),
    }
    for who, call in calls.items():
        with pytest.raises(JudgeError) as error:
            call()
        assert str(error.value) == (
            f"{who} raised RuntimeError: CUDA out of memory. Tried to allocate 1 GiB"
        )
    assert "Traceback" in caplog.text  # at debug level alone


def test_a_truth_is_read_as_a_reward_is():
    assert ask_truth("mine", lambda images: SCORES, IMAGES).tolist() == SCORES
    with pytest.raises(JudgeError, match="the true reward of 'mine' gave None"):
        ask_truth("mine", lambda images: None, IMAGES)


ROWS = torch.nn.functional.normalize(torch.arange(12.0).view(3, 4) + 1, dim=1)


@pytest.mark.parametrize("given", [ROWS, ROWS.numpy(), ROWS.bfloat16()])
def test_unit_rows_are_embeddings(given):
    rows = ask_encoder("eyes", lambda images: given, IMAGES)
    assert rows.shape == (3, 4)
    assert torch.allclose(rows.float(), ROWS, atol=0.01)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3 * ROWS, r"gave a row of length 3; .* normalise them"),
        (0 * ROWS, r"gave a row of length 0;"),
        (ROWS[:2], r"gave a tensor of shape \(2, 4\) .* \(3, d\)"),
        (ROWS.view(3, 2, 2), r"gave a tensor of shape \(3, 2, 2\)"),
        (ROWS[:, 0], r"gave a tensor of shape \(3,\)"),
        (None, "gave None"),
        (torch.ones(3, 4, dtype=torch.int64), "type torch.int64"),
    ],
)
def test_other_embeddings_are_refused(given, message):
    with pytest.raises(JudgeError, match=f"^the encoder 'eyes' .*{message}"):
        ask_encoder("eyes", lambda images: given, IMAGES)


def test_an_embedding_that_is_not_finite_is_named():
    given = ROWS.clone()
    given[2, 1] = float("nan")
    with pytest.raises(NotFiniteError, match=r"image 3 of 3: the embedding of the encoder 'eyes'"):
        ask_encoder("eyes", lambda images: given, IMAGES)
