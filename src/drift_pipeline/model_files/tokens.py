"""How much of a prompt a text encoder reads; only tokenizers are loaded for that."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drift_pipeline.config.components import RewardSpec
from drift_pipeline.config.places import locate
from drift_pipeline.model_files.locate import local_or_hub, open_clip_name

SHOWN_PROMPTS = 3
SHOWN_WORDS = 8
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reader:
    """A text encoder's way of reading.

    Attributes:
        who: Its name, for messages.
        length: Tokens that it reads of a text, the first and the last mark included.
        tokens: A text's tokens, marks included, none cut.
    """

    who: str
    length: int
    tokens: Callable[[str], list[int]]


def unread(prompts: Sequence[str], reader: Reader, parameter: str) -> list[str]:
    """Say which prompts a text encoder does not read to the end, or cannot tell apart.

    Args:
        prompts: The texts.
        reader: The text encoder.
        parameter: The parameter that names their file.

    Returns:
        Lines for the log, none where every prompt is read whole.
    """
    found: list[str] = []
    cut: list[str] = []
    seen: dict[tuple[int, ...], int] = {}
    for number, prompt in enumerate(prompts, 1):
        tokens = reader.tokens(prompt)
        if len(tokens) > reader.length:
            words = lost_words(prompt, reader)
            first = " ".join(words[:SHOWN_WORDS]) + (" …" if len(words) > SHOWN_WORDS else "")
            cut.append(f"prompt {number} loses {len(words):,} words, from {first!r} on")
        read = tuple(tokens[: reader.length - 1])
        if read in seen:
            found.append(
                f"{parameter}: {reader.who} cannot tell prompts {seen[read]} and {number} apart: "
                "they are the same tokens to it"
            )
        seen.setdefault(read, number)
    if cut:
        more = f"; and {len(cut) - SHOWN_PROMPTS} more prompts" if len(cut) > SHOWN_PROMPTS else ""
        found.insert(
            0,
            f"{parameter}: {reader.who} reads {reader.length - 2} tokens of a prompt and not what "
            f"follows: {'; '.join(cut[:SHOWN_PROMPTS])}{more}",
        )
    return found


def lost_words(prompt: str, reader: Reader) -> list[str]:
    """Return the words of a prompt that are cut, whole or in part."""
    words = prompt.split()
    low, high = 0, len(words)
    while low < high:  # the most words that are read
        middle = (low + high + 1) // 2
        if len(reader.tokens(" ".join(words[:middle]))) <= reader.length:
            low = middle
        else:
            high = middle - 1
    return words[low:]


def base_model_reader(base_model: str, root: Path) -> Reader:
    """Load the tokenizer of `train.base_model`."""
    from transformers import AutoTokenizer

    source = local_or_hub(locate(base_model, root), "the base model")
    tokenizer = AutoTokenizer.from_pretrained(source, subfolder="tokenizer")
    return _transformers("the base model's text encoder", tokenizer, tokenizer.model_max_length)


def reward_reader(name: str, reward: RewardSpec, root: Path) -> Reader | None:
    """Load the tokenizer of a reward; `None` where the reward is nobody's we know."""
    options = locate(reward.options, root)
    if reward.scorer == "drift_pipeline.scorers.pickscore.PickScore":
        return _pickscore(f"the reward {name!r}", options)
    if reward.scorer == "drift_pipeline.scorers.hpsv2.HPSv2":
        return _hpsv2(f"the reward {name!r}", options)
    return None


def warn_of_unread(
    prompts: Sequence[str],
    parameter: str,
    root: Path,
    base_model: str | None = None,
    rewards: Mapping[str, RewardSpec] | None = None,
) -> None:
    """Log what text encoders will not read of some prompts.

    Args:
        prompts: The texts.
        parameter: The parameter that names their file.
        root: The project's folder.
        base_model: `train.base_model`, where it will draw.
        rewards: Rewards that will score, by name.
    """
    for load in _loaders(root, base_model, rewards or {}):
        try:
            reader = load()
        except (OSError, ValueError, KeyError):  # said where the model itself is loaded
            logger.debug("a tokenizer cannot be loaded", exc_info=True)
            continue
        for line in unread(prompts, reader, parameter) if reader else ():
            logger.warning(line)


def _loaders(
    root: Path, base_model: str | None, rewards: Mapping[str, RewardSpec]
) -> Iterator[Callable[[], Reader | None]]:
    if base_model is not None:
        yield lambda: base_model_reader(base_model, root)
    for name, reward in rewards.items():
        yield lambda name=name, reward=reward: reward_reader(name, reward, root)  # type: ignore[misc]


def _pickscore(who: str, options: Mapping[str, Any]) -> Reader:
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        local_or_hub(options["processor"], "PickScore's processor")
    )
    config = AutoConfig.from_pretrained(local_or_hub(options["model"], "PickScore's model"))
    length = min(tokenizer.model_max_length, config.text_config.max_position_embeddings)
    return _transformers(who, tokenizer, length)


def _hpsv2(who: str, options: Mapping[str, Any]) -> Reader:
    import open_clip

    name = open_clip_name(options["architecture"], "HPSv2's architecture")
    tokenizer = open_clip.get_tokenizer(name)
    inner = getattr(tokenizer, "tokenizer", None)
    if inner is not None:
        return _transformers(who, inner, tokenizer.context_length)
    return Reader(who, tokenizer.context_length, lambda text: [-1, *tokenizer.encode(text), -1])


def _transformers(who: str, tokenizer: Any, length: int) -> Reader:
    # `verbose=False`: the library has a line of its own for long texts, without the words.
    return Reader(who, length, lambda text: list(tokenizer(text, verbose=False).input_ids))
