"""What `draw` is told: prompts and seeds, before anything is loaded."""

import pytest
from click.testing import CliRunner

from drift_pipeline.cli.commands import commands
from drift_pipeline.cli.draw import collect_prompts, parse_seeds
from drift_pipeline.common.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("7", (7,)),
        ("0-3", (0, 1, 2, 3)),
        ("3, 0 ,10-12", (3, 0, 10, 11, 12)),
        ("5-5,4-6", (5, 4, 6)),
    ],
)
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1,", "3-1", "-1", "1-2-3", "1.5", "²", "9" * 19])
def test_what_is_no_seed_is_named(text):
    with pytest.raises(ConfigurationError, match=r"--seeds: '.*' is no seed .*such as 0-7"):
        parse_seeds(text)


def test_too_many_seeds_are_refused_without_listing_them():
    with pytest.raises(ConfigurationError, match="are 100,000,000,000 seeds, more than the 2,000"):
        parse_seeds("0-99999999999")


def test_prompts_are_those_of_both_places_each_once(tmp_path):
    file = tmp_path / "prompts.txt"
    file.write_text("a dog\na cat\n")
    assert collect_prompts(["  a cat\n", "a bird"], file) == ["a cat", "a bird", "a dog"]
    assert collect_prompts([], file) == ["a dog", "a cat"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "there is nothing to draw; write a prompt"),
        (["a cat", " "], "a prompt is empty"),
        (["a\ncat"], r"'a\\ncat' has the control character U\+000A"),
    ],
)
def test_prompts_that_cannot_be_used_are_refused(texts, message):
    with pytest.raises(ConfigurationError, match=message):
        collect_prompts(texts, None)


def test_a_missing_file_is_named_by_its_option(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^--prompts: .*none.txt cannot be read"):
        collect_prompts([], tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps=0"], "--steps: input should be greater than or equal to 1 (it is 0)"),
        (["--guidance=-1"], "--guidance: input should be greater than or equal to 0 (it is -1.0)"),
        (["--guidance=nan"], "--guidance: input should be a finite number (it is nan)"),
        (["--run=a", "--adapter=b"], "--adapter: give either it or --run"),
        (["--epoch=3"], "--epoch: it is the epoch of --run; of runs in --beside, write <run>@"),
        (["--beside=base,x@y"], "--beside: 'x@y' names no epoch after @; write <run>@<epoch>"),
        (["--adapter=docs"], "--adapter: docs holds no adapter"),
        (["--out=docs"], "--out: docs is there already; remove it, or name another"),
        (["--out=s3://x/y"], "--out: s3:/x/y is an address"),
        (["--env=nowhere"], "there is no environment 'nowhere'"),
        (["--prompts=data/01_raw/prompts/animals.txt", "--seeds=0-99"],
         "1 models × 45 prompts × 100 seeds are 4,500 images, more than the 2,000"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(project_path, monkeypatch, arguments, message):
    monkeypatch.chdir(project_path)
    ended = CliRunner().invoke(commands, ["draw", "a photo of a cat", *arguments])
    assert ended.exit_code == 1
    (line,) = ended.output.splitlines()
    assert line.startswith(f"Error: {message}")
