"""A CLIP tokenizer whose vocabulary is the bestiary's own few hundred words."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTokenizer

START, END, SUFFIX = "<|startoftext|>", "<|endoftext|>", "</w>"


def small_tokenizer(captions: Iterable[str], max_length: int = 16) -> CLIPTokenizer:
    """Build a `CLIPTokenizer` in which every word of the captions is one token.

    The vocabulary holds all 256 bytes (alone and at a word's end), so any other text is spelled out
    and never becomes an unknown token. `<|endoftext|>` also pads, as in the original, and has the
    highest id: open_clip finds the end of a text by `argmax`.

    Args:
        captions: Texts whose words to learn. Order and repetition do not matter.
        max_length: Tokens a text is padded and cut to, the two special ones included.

    Returns:
        The tokenizer; equal captions give equal files.
    """
    alphabet = sorted(ByteLevel.alphabet())
    alphabet += [char + SUFFIX for char in alphabet]
    words = sorted(_words(captions))
    merges = _merges([_characters(word) for word in words])
    tokens = dict.fromkeys([*alphabet, *("".join(pair) for pair in merges), START, END])
    return _clip_tokenizer({token: i for i, token in enumerate(tokens)}, merges, max_length)


def save_vocabulary(tokenizer: CLIPTokenizer, folder: str | Path) -> None:
    """Save what transformers 4 builds a `CLIPTokenizer` from: `vocab.json` and `merges.txt`.

    transformers 5 neither writes them nor, beside `tokenizer.json`, reads them.

    Args:
        tokenizer: Any.
        folder: Where `tokenizer.json` is.
    """
    tokenizer.backend_tokenizer.model.save(str(folder))


def _clip_tokenizer(
    vocab: dict[str, int], merges: list[tuple[str, str]], max_length: int
) -> CLIPTokenizer:
    # transformers declares list[str] and hands the list on to a library that wants pairs.
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=max_length)  # type: ignore[arg-type]


def _words(captions: Iterable[str]) -> set[str]:
    """Find the words CLIP's own normaliser and splitter see, as byte-level characters."""
    backend = _clip_tokenizer({START: 0, END: 1}, [], 16).backend_tokenizer
    return {
        word
        for caption in set(captions)
        for word, _ in backend.pre_tokenizer.pre_tokenize_str(
            backend.normalizer.normalize_str(caption)
        )
    }


def _characters(word: str) -> tuple[str, ...]:
    return (*word[:-1], word[-1] + SUFFIX)


def _merges(words: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Run byte-pair encoding to its end: merge until each word is a single symbol.

    The most frequent pair goes first; ties go to the alphabetically first. `tokenizers`' own
    `BpeTrainer` settles ties by when a symbol came up, which gives other merges and so other ids.
    """
    merges: list[tuple[str, str]] = []
    while counts := Counter(pair for word in words for pair in pairwise(word)):
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        words = [_merge(word, best) for word in words]
    return merges


def _merge(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return tuple(merged)
