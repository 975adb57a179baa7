"""The parameters of the `analyze` pipeline, checked before any work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import cycle
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from drift_pipeline.config.base import Parameters

Shown = Annotated[int, Field(ge=1, le=1000)]
FileName = Annotated[str, Field(pattern=r"^\w[\w-]*$")]
Presets = Mapping[str, Mapping[str, Any]]
SPARE_COLOURS = ("#332288", "#882255", "#117733", "#999933")
SPARE_MARKERS = "PXph<>d8"
SPARE_STYLES = tuple(
    (colour, SPARE_MARKERS[(number + shift) % len(SPARE_MARKERS)])
    for shift in range(len(SPARE_MARKERS))
    for number, colour in enumerate(SPARE_COLOURS)
)
"""Colours (Paul Tol's) and markers of methods that the parameters give none: every pair once."""


class MethodStyle(Parameters):
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
    optional: bool = False
    """Whether it is left out, and not missed, where no run has it."""


class Reward(Parameters):
    """A reward that runs were trained on."""

    label: str
    paper: dict[str, float] = Field(default={})
    expected: bool = True
    """Whether its runs are missed where there are none; not those of a preset of one's own."""


class Comparison(Parameters):
    """A method, what it is compared with, and the runs that this needs."""

    title: str
    section: str
    question: str
    ours: str
    baselines: Annotated[list[str], Field(min_length=1)]
    also: list[str] = Field(default=[])
    own: list[str] = Field(default=[])
    """Methods that are shown where they were measured, and not missed elsewhere."""
    rewards: Annotated[list[str], Field(min_length=1)] | None = None
    """None: every reward."""
    seeds: list[int]

    @property
    def methods(self) -> list[str]:
        """All methods compared, baselines first."""
        return [*self.baselines, *self.also, *self.own, self.ours]

    def made_under(self, reward: str) -> bool:
        """Return whether it is made under a reward."""
        return self.rewards is None or reward in self.rewards

    @model_validator(mode="after")
    def _each_method_once(self) -> Comparison:
        twice = sorted({m for m in self.methods if self.methods.count(m) > 1})
        if twice:
            raise ValueError(f"a method stands for one thing only, but {twice[0]!r} is named twice")
        return self


class Collapse(Parameters):
    """The figure of how the images draw together."""

    methods: Annotated[list[str], Field(min_length=1)]
    encoder: str
    checkpoints: Shown


class Grid(Parameters):
    """The figures that show images."""

    prompts: Annotated[list[str], Field(min_length=1)]
    images: Shown


class Analyze(Parameters):
    """What is compared with what; the comments are in `conf/base/parameters_analyze.yml`."""

    rewards: dict[str, Reward]
    if_less: Literal["refuse", "replace"] = "refuse"
    base: str
    methods: dict[str, MethodStyle]
    measures: dict[str, Measure]
    anchor: str
    further: dict[str, Measure] = Field(default={})
    asked: str | None = None
    """Which of `further` is the share of images that show what was asked; None for none."""
    main: str
    in_brief: list[str] = Field(default=[])
    """Comparisons whose sentences open the report."""
    comparisons: dict[str, Comparison]
    collapse: Collapse
    grid: Grid
    figures: dict[FileName, str] = Field(default={})
    """Figures of one's own: dotted paths of functions that draw them, by name."""

    def comparisons_of(self, reward: str) -> dict[str, Comparison]:
        """Return the comparisons made under a reward, by name."""
        return {k: c for k, c in self.comparisons.items() if c.made_under(reward)}

    def compared(self) -> set[tuple[str, str]]:
        """Return (method, reward) of all runs that some comparison takes, whatever their seed."""
        return {
            (method, reward)
            for comparison in self.comparisons.values()
            for reward in self.rewards
            if comparison.made_under(reward)
            for method in comparison.methods
        }

    def expected_runs(self) -> list[tuple[str, str, int]]:
        """List (method, reward, seed) of each run that some comparison needs, each once."""
        runs = [
            (method, reward, seed)
            for comparison in self.comparisons.values()
            for reward, about in self.rewards.items()
            if about.expected and comparison.made_under(reward)
            for method in comparison.methods
            if method not in comparison.own
            for seed in comparison.seeds
        ]
        return list(dict.fromkeys(runs))

    def all_rewards(self, presets: Presets) -> tuple[str, ...]:
        """Name all rewards that runs are compared by: those that stand here, then other presets."""
        others = (name for name, preset in presets.items() if not preset.get("measured_only"))
        return tuple(dict.fromkeys([*self.rewards, *others]))

    def with_presets(self, rewards: Presets, methods: Presets) -> Analyze:
        """Take in the presets that nobody has named here, so that their runs are reported too.

        Args:
            rewards: Every reward by name; its `label`, if it has one, is what it is called.
            methods: Every method, likewise.

        Returns:
            Every reward is one of `rewards`; a method that no comparison has is drawn in the main
            one. Their runs are not missed where there are none.
        """
        others = {
            name: Reward(label=preset.get("label") or name, expected=False)
            for name, preset in rewards.items()
            if name in self.all_rewards(rewards) and name not in self.rewards
        }
        compared = {method for c in self.comparisons.values() for method in c.methods}
        own = [name for name in methods if name not in compared]
        styles = {
            name: MethodStyle(
                label=methods[name].get("label") or name, colour=colour, marker=marker
            )
            for name, (colour, marker) in zip(own, cycle(SPARE_STYLES), strict=False)
            if name not in self.methods
        }
        main = self.comparisons[self.main]
        main = main.model_copy(update={"own": [*main.own, *own]})
        return self.model_copy(
            update={
                "rewards": {**self.rewards, **others},
                "methods": {**self.methods, **styles},
                "comparisons": {**self.comparisons, self.main: main},
            }
        )

    def with_measured(self, measured: Collection[tuple[str, str]]) -> Analyze:
        """Leave out the optional measures that no run has.

        Args:
            measured: Metric and encoder of everything that was measured.
        """

        def kept(measure: Measure) -> bool:
            return not measure.optional or any(
                metric == measure.metric and measure.encoder in (None, encoder)
                for metric, encoder in measured
            )

        measures = {n: m for n, m in self.measures.items() if n == self.anchor or kept(m)}
        further = {n: m for n, m in self.further.items() if n == self.asked or kept(m)}
        return self.model_copy(update={"measures": measures, "further": further})

    @model_validator(mode="after")
    def _names_are_known(self) -> Analyze:
        _known("anchor", [self.anchor], self.measures)
        _known("asked", [self.asked] if self.asked is not None else [], self.further)
        _known("main", [self.main], self.comparisons)
        _known("in_brief", self.in_brief, self.comparisons)
        _known("base", [self.base], self.methods)
        _known("collapse.methods", self.collapse.methods, self.methods)
        for name, comparison in self.comparisons.items():
            _known(f"comparisons.{name}", comparison.methods, self.methods)
            _known(f"comparisons.{name}.rewards", comparison.rewards or [], self.rewards)
        return self


def _known(where: str, names: list[str], known: Mapping[str, object]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{where}: unknown {unknown[0]!r}; known are: {', '.join(known)}")
