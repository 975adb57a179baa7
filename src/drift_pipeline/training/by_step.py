"""What a gradient update looks like step by step: which of them it comes from.

Notation: `b`: rows of a micro-batch, `s`: steps of the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

COLUMNS = ("clip_fraction_by_step", "gradient_share_by_step", "kl_by_step")


@dataclass(frozen=True)
class RowReport:
    """What the rows of a micro-batch say.

    Attributes:
        steps: `(b,)`, the step of each row.
        clipped: `(b,)`, bool, whether its ratio lies outside the clip range.
        pull: `(b,)`, squared norm of the loss's gradient with respect to what the network gave.
        measured: `(b,)`, bool, whether its KL was measured.
        kl: The KL of the measured rows.
    """

    steps: Tensor
    clipped: Tensor
    pull: Tensor
    measured: Tensor
    kl: Tensor

    def on_cpu(self) -> RowReport:
        """Return the same on the CPU."""
        return RowReport(*(getattr(self, field.name).cpu() for field in fields(self)))


def by_step(reports: Sequence[RowReport], steps: int) -> dict[str, list[float]]:
    """Sum rows up by step, for one gradient update.

    Args:
        reports: Of all its micro-batches, on the CPU.
        steps: s.

    Returns:
        Lists of s numbers, NaN for a step with no row: the share of clipped ratios, the share of
        the squared gradient at the network's output (they add up to 1), and the mean KL.
    """
    none = torch.zeros(steps, dtype=torch.float64)
    rows, clipped, pull, measured, kl = (none.clone() for _ in range(5))
    for report in reports:
        rows.index_add_(0, report.steps, torch.ones(len(report.steps), dtype=torch.float64))
        clipped.index_add_(0, report.steps, report.clipped.double())
        pull.index_add_(0, report.steps, report.pull.double())
        few = report.steps[report.measured]
        measured.index_add_(0, few, torch.ones(len(few), dtype=torch.float64))
        kl.index_add_(0, few, report.kl.double())
    shares = torch.where(rows > 0, pull / pull.sum(), torch.nan)
    columns = (clipped / rows, shares, kl / measured)
    return {name: values.tolist() for name, values in zip(COLUMNS, columns, strict=True)}
