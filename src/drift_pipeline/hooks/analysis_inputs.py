"""What an analysis is made of: kept beside it, so that a later one cannot show less unnoticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kedro.io import CatalogProtocol

from drift_pipeline.common.integrity import sha256

MADE_OF = "made_of.json"
"""The measured runs and checkpoints that an analysis was made of, beside its results."""
METRICS = "metrics (sha256)"
"""Where it says which metrics each run had."""
INPUTS = (
    *("measured_metrics", "measured_best_front", "measured_free_fronts"),
    *("measured_training", "measured_embeddings", "measured_images"),
)
NOT_SHOWN = "base_many/"
"""Images that no figure shows: only what was estimated of them counts."""
PRESETS = {"params:methods": "method", "params:rewards": "reward"}
"""Presets by which runs are reported, and the column of the metrics that names them."""

Inputs = dict[str, list[str]]
"""By dataset, the places that have files of it, `<run>` or `<run>/epoch_NNNN`, or the presets."""


def made_of(catalog: CatalogProtocol) -> dict[str, Any]:
    """Say which files an analysis is made of, and under which presets it shows them."""
    metrics, known = catalog["measured_metrics"].load(), known_presets(catalog)
    shown = {kind: sorted(known[kind] & {*metrics.get(PRESETS[kind], ())}) for kind in PRESETS}
    sums = {file.parent.name: sha256(file) for file in catalog["measured_metrics"].files()}
    return {**found_inputs(catalog), **shown, METRICS: sums}


def found_inputs(catalog: CatalogProtocol) -> Inputs:
    """List the runs and checkpoints of which there are files."""
    return {
        name: [place for place in catalog[name].places() if not place.startswith(NOT_SHOWN)]
        for name in INPUTS
    }


def known_presets(catalog: CatalogProtocol) -> dict[str, set[str]]:
    """Name the methods and the rewards that the parameters have, those of `analyze` included."""
    analyze = catalog.load("params:analyze")
    named = {"params:methods": analyze.methods, "params:rewards": analyze.rewards}
    return {kind: {*named[kind], *catalog.load(kind)} for kind in PRESETS}


def missing_inputs(
    before: Mapping[str, Iterable[str]],
    now: Mapping[str, Iterable[str]],
    folders: Mapping[str, Path],
    made: Iterable[Path] = (),
) -> list[Path]:
    """List the places that had files once and have none now.

    Args:
        before: By dataset, the places at the time.
        now: The same today.
        folders: By dataset, where its places are.
        made: Files and folders that will be made; places above or below them are not missing.
    """
    made = list(made)
    gone = [
        folders[name] / place
        for name, places in before.items()
        if name in folders
        for place in sorted({*places} - {*now.get(name, ())})
    ]
    return [p for p in gone if not any(m.is_relative_to(p) or p.is_relative_to(m) for m in made)]


def missing_presets(
    before: Mapping[str, Iterable[str]], known: Mapping[str, Iterable[str]]
) -> list[str]:
    """List the presets, `<kind>.<name>`, that runs were reported under and that are gone.

    Args:
        before: As `made_of` says; what is no preset is passed over.
        known: The presets today.
    """
    return [
        f"{kind.removeprefix('params:')}.{name}"
        for kind in PRESETS
        for name in sorted({*before.get(kind, ())} - {*known[kind]})
    ]
