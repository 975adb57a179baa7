"""The parameters of the `analyze` pipeline, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from drift_pipeline.parameters import Parameters

Shown = Annotated[int, Field(ge=1, le=1000)]


class Look(Parameters):
    """How a method is called and drawn, the same in every figure."""

    label: str
    colour: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
    marker: Annotated[str, Field(min_length=1, max_length=1)]


class Measure(Parameters):
    """A row of `metrics.parquet` that stands as a column of Table 1."""

    metric: str
    encoder: str | None = None
    label: str
    decimals: Annotated[int, Field(ge=0, le=8)] = 4


class Reward(Parameters):
    """A reward that runs were trained on."""

    label: str
    paper: dict[str, float] = Field(default={})


class Comparison(Parameters):
    """A method, what it is compared with, and the runs that this needs."""

    title: str
    section: str
    question: str
    ours: str
    baselines: Annotated[list[str], Field(min_length=1)]
    also: list[str] = Field(default=[])
    rewards: Annotated[list[str], Field(min_length=1)]
    seeds: list[int]

    @property
    def methods(self) -> list[str]:
        """All methods compared, baselines first."""
        return [*self.baselines, *self.also, self.ours]

    @model_validator(mode="after")
    def _each_method_once(self) -> Comparison:
        twice = sorted({m for m in self.methods if self.methods.count(m) > 1})
        if twice:
            raise ValueError(f"a method stands for one thing only, but {twice[0]!r} is named twice")
        return self


class Collapse(Parameters):
    """The figure of how the pictures draw together."""

    methods: Annotated[list[str], Field(min_length=1)]
    encoder: str
    checkpoints: Shown


class Grid(Parameters):
    """The figures that show pictures."""

    prompts: Annotated[list[str], Field(min_length=1)]
    images: Shown


class Analyze(Parameters):
    """What is compared with what; the comments are in `conf/base/parameters_analyze.yml`."""

    rewards: dict[str, Reward]
    if_less: Literal["refuse", "replace"] = "refuse"
    base: str
    methods: dict[str, Look]
    measures: dict[str, Measure]
    anchor: str
    further: dict[str, Measure] = Field(default={})
    main: str
    comparisons: dict[str, Comparison]
    collapse: Collapse
    grid: Grid

    def comparisons_of(self, reward: str) -> dict[str, Comparison]:
        """The comparisons made under a reward, by name."""
        return {k: c for k, c in self.comparisons.items() if reward in c.rewards}

    def compared(self) -> set[tuple[str, str]]:
        """(method, reward) of all runs that some comparison takes, whatever their seed."""
        return {
            (method, reward)
            for comparison in self.comparisons.values()
            for reward in comparison.rewards
            for method in comparison.methods
        }

    def expected_runs(self) -> list[tuple[str, str, int]]:
        """(method, reward, seed) of each run that some comparison needs, each once."""
        runs = [
            (method, reward, seed)
            for comparison in self.comparisons.values()
            for reward in comparison.rewards
            for method in comparison.methods
            for seed in comparison.seeds
        ]
        return list(dict.fromkeys(runs))

    @model_validator(mode="after")
    def _names_are_known(self) -> Analyze:
        _known("anchor", [self.anchor], self.measures)
        _known("main", [self.main], self.comparisons)
        _known("base", [self.base], self.methods)
        _known("collapse.methods", self.collapse.methods, self.methods)
        for name, comparison in self.comparisons.items():
            _known(f"comparisons.{name}", comparison.methods, self.methods)
            _known(f"comparisons.{name}.rewards", comparison.rewards, self.rewards)
        return self


def _known(where: str, names: list[str], known: Mapping[str, object]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{where}: unknown {unknown[0]!r}; known are: {', '.join(known)}")
