"""Prompt files as people and programs write them; see also test_parameters.py."""

import pytest

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.config.prompt_files import read_prompts


def written(tmp_path, text: str):
    path = tmp_path / "prompts.txt"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_at_line_feeds_and_carriage_returns(tmp_path, end):
    prompts = ["a cat", "un café  noir", "ein Bär"]
    assert read_prompts(written(tmp_path, end.join(prompts) + end)) == prompts
    assert read_prompts(written(tmp_path, end.join(prompts))) == prompts


def test_spaces_and_tabs_around_a_prompt_are_not_of_it(tmp_path):
    assert read_prompts(written(tmp_path, "\ufeff  a cat\t\n\ta dog \u00a0\n")) == [
        "a cat",
        "a dog",
    ]


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u2028", r"U\+2028 \(LINE SEPARATOR\)"),
        ("\u2029", r"U\+2029 \(PARAGRAPH SEPARATOR\)"),
        ("\x85", r"control character U\+0085"),
        ("\x0b", r"U\+000B"),
        ("\x0c", r"U\+000C"),
        ("\x1c", r"U\+001C"),
        ("\x1e", r"U\+001E"),
        ("\0", r"control character U\+0000"),
        ("\x7f", r"U\+007F"),
        ("\t", r"a tab \(U\+0009\)"),
        ("\u202e", r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\)"),
        ("\ufeff", r"U\+FEFF \(ZERO WIDTH NO-BREAK SPACE\)"),
        ("\ufffd", r"U\+FFFD \(REPLACEMENT CHARACTER\)"),
    ],
)
def test_what_nobody_sees_is_refused_with_its_line_and_code(tmp_path, character, name):
    path = written(tmp_path, f"a dog\na red{character}cat\n")
    with pytest.raises(ConfigurationError, match=f"generate.prompts: .*{name} on line 2") as error:
        read_prompts(path, "generate.prompts")
    assert "\n" not in str(error.value)
    # At the end of a line `str.strip` would take most of them for spaces.
    if character != "\t":
        with pytest.raises(ConfigurationError, match=f"{name} on line 1"):
            read_prompts(written(tmp_path, f"a dog{character}\na cat\n"))


@pytest.mark.parametrize("again", ["a  cafe\u0301", "a\u00a0café", "a café"])
def test_a_prompt_is_there_once_however_it_is_written(tmp_path, again):
    with pytest.raises(ConfigurationError, match="twice, on lines 1 and 3"):
        read_prompts(written(tmp_path, f"a café\na dog\n{again}\n"))


def test_a_folder_is_no_file_of_prompts(tmp_path):
    with pytest.raises(ConfigurationError, match=r"cannot be read .*one prompt per line"):
        read_prompts(tmp_path)


def test_utf_16_is_refused(tmp_path):
    path = tmp_path / "prompts.txt"
    for encoding, message in (("utf-16", "not UTF-8"), ("utf-16-le", r"U\+0000 on line 1")):
        path.write_bytes("a cat\n".encode(encoding))
        with pytest.raises(ConfigurationError, match=message):
            read_prompts(path)
