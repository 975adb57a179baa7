"""What text encoders do not read of a prompt is said, word by word."""

import logging

import pytest
import tiny
from transformers import AutoTokenizer

from drift_pipeline.config.components import RewardSpec
from drift_pipeline.model_files.tokens import (
    Reader,
    base_model_reader,
    lost_words,
    reward_reader,
    unread,
    warn_of_unread,
)

LONG = "a photo of a cat " + "and a dog " * 1000


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    tiny.make_stable_diffusion(folder / "sd")
    tiny.make_pickscore(folder / "pickscore")
    tiny.make_hpsv2(folder / "hpsv2")
    return folder


@pytest.fixture(scope="module")
def rewards(models):
    pickscore, hpsv2 = str(models / "pickscore"), str(models / "hpsv2")
    return {
        "pickscore": RewardSpec(
            scorer="drift_pipeline.scorers.pickscore.PickScore",
            options={"model": pickscore, "processor": pickscore},
        ),
        "hpsv2": RewardSpec(
            scorer="drift_pipeline.scorers.hpsv2.HPSv2",
            options={"architecture": hpsv2, "checkpoint": f"{hpsv2}/x.pt"},
        ),
        "mine": RewardSpec(scorer="my.Reward"),
    }


def test_the_words_that_are_cut_are_those_that_the_tokenizer_drops(models):
    reader = base_model_reader("sd", models)
    lost = lost_words(LONG, reader)
    kept = LONG.split()[: len(LONG.split()) - len(lost)]
    tokenizer = AutoTokenizer.from_pretrained(models / "sd", subfolder="tokenizer")
    cut = tokenizer(LONG, truncation=True, max_length=tokenizer.model_max_length).input_ids
    whole = tokenizer(" ".join(kept)).input_ids
    assert whole[:-1] == cut[: len(whole) - 1]
    assert len(tokenizer(" ".join([*kept, lost[0]])).input_ids) > tokenizer.model_max_length
    assert lost_words("a photo of a cat", reader) == []


def test_every_reader_says_what_it_does_not_read(models, rewards, caplog):
    caplog.set_level(logging.WARNING, "drift_pipeline")
    prompts = ["a photo of a dog", LONG]
    warn_of_unread(prompts, "train.prompts", models, "sd", rewards)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    names = ("the base model's text encoder", "'pickscore'", "'hpsv2'")
    for line, who in zip(lines, names, strict=True):
        assert line.startswith("train.prompts: ") and who in line
        assert "reads 14 tokens of a prompt" in line
        assert "prompt 2 loses 2,99" in line
        assert "and a dog and a" in line or "dog and a dog and" in line


def test_whole_prompts_are_no_matter(models, rewards, caplog):
    warn_of_unread(["a photo of a dog", "a photo of a cat"], "x", models, "sd", rewards)
    assert caplog.text == ""
    assert reward_reader("mine", rewards["mine"], models) is None


def test_prompts_that_are_the_same_to_the_encoder_are_named():
    reader = Reader("it", 4, lambda text: [0, *map(len, text.split()), 1])
    (line,) = unread(["a bb", "c dd", "a bbb"], reader, "generate.prompts")
    assert line.startswith("generate.prompts: it cannot tell prompts 1 and 2 apart")


def test_a_tokenizer_that_is_not_there_is_left_to_the_model_that_is_not_there(tmp_path, caplog):
    warn_of_unread(["a"], "train.prompts", tmp_path, "none/none/none")
    assert caplog.text == ""
