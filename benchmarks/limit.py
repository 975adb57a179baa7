"""How close is an epoch to what the machine can do?

    python benchmarks/limit.py --out limit

Counts the floating-point operations of an epoch as they go by, a multiplication and an addition as
two: matrix products, convolutions and attention; norms, activations and random numbers count as
nothing. In the same process it measures the best rates of this machine, with all workers busy, on
large matrix products (fp32), on the UNet's convolutions by themselves, and on the UNet as training
runs it (both halves of the guidance, the adapter in place), and times epochs by their parts.

The tables: the best rates; per phase, the rate that it reaches, as a share of the best matrix
product's, of the best convolutions', and of the UNet's own (the seconds that all operations would
take at the UNet's best rates, forward or backward, over the seconds that they took); per part, the
seconds; and what `kedro run` adds, here and at the paper's size. Nothing else may run beside it.
`--quick` shows in a minute that everything works.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

# First: it says how OpenMP's threads wait, which torch reads when it is imported.
from own_worker import Trainer, a_quarter_of, read_run  # isort: skip

from alternating import report
from clock import PHASES, Clock, Parts, watching
from rates import GIGA, best_rate, candidates
from saving import PAPER_SECONDS, measure_saving
from torch.utils.flop_counter import FlopCounterMode

from drift_pipeline.runs.run import Run

PRODUCT, CONVOLUTIONS, FORWARD, BOTH = (
    "matrix product",
    "convolutions",
    "UNet, forward",
    "UNet, forward and backward",
)
TRAINED = {"UNet, forward", "UNet, backward"}
"""Parts of the update that go at the rate of forward and backward together."""


def best_rates(
    trainer: Trainer, run: Run, sizes: list[int], seconds: float
) -> dict[str, tuple[float, str]]:
    """Measure the best rates, in GFLOP/s, and say in which size they were reached."""
    found = {}
    for name, calls in candidates(trainer.policy, sizes).items():
        rates = {size: best_rate(call, run.train.workers, seconds) for size, call in calls.items()}
        best = max(rates, key=lambda size: rates[size])
        found[name] = (rates[best], best)
    return found


def count(trainer: Trainer, run: Run) -> Parts:
    """Count an epoch's operations by their parts, from the untrained policy."""
    with FlopCounterMode(display=False) as flops:
        clock = Clock(1, flops.get_total_flops)
        # The counter sees its own thread alone.
        alone = run.model_copy(update={"train": run.train.model_copy(update={"workers": 1})})
        with watching(trainer, clock):
            trainer.epoch(alone, trainer.policy.initial_state(run.seed))
    return clock.parts


def time(trainer: Trainer, run: Run, epochs: int) -> tuple[Parts, dict[str, float], float]:
    """Time epochs: the mean seconds of their parts, of their phases, and of all."""
    state, *_ = trainer.epoch(a_quarter_of(run), trainer.policy.initial_state(run.seed))
    clock, whole = Clock(run.train.workers), 0.0
    with watching(trainer, clock):
        for _ in range(epochs):
            state, seconds, _ = trainer.epoch(run, state)
            whole += seconds["epoch"]
    parts = {name: seconds / epochs for name, seconds in {**clock.parts, **clock.rest()}.items()}
    phases = {name: seconds / epochs for name, seconds in clock.phases.items()}
    return parts, phases, whole / epochs


def ideal(operations: Mapping[tuple[str, str], float], rates: Mapping[str, float]) -> float:
    """Seconds that operations would take at the UNet's own best rates.

    Args:
        operations: By phase and part.
        rates: GFLOP/s, by name.
    """
    return sum(
        done / GIGA / rates[BOTH if phase == "update" and part in TRAINED else FORWARD]
        for (phase, part), done in operations.items()
    )


def utilisation(
    operations: Parts, phases: Mapping[str, float], whole: float, rates: Mapping[str, float]
) -> pd.DataFrame:
    """Compare what phases reach with the best rates: a row for each that computes, and for all."""
    seconds = {"rollout": phases["rollout"], "update": phases["update"], "epoch": whole}
    rows = []
    for name, took in seconds.items():
        own = {key: n for key, n in operations.items() if name in (key[0], "epoch")}
        rate = sum(own.values()) / GIGA / took
        row = {"phase": name, "GFLOP": sum(own.values()) / GIGA, "seconds": took, "GFLOP/s": rate}
        shares = {PRODUCT: rate / rates[PRODUCT], CONVOLUTIONS: rate / rates[CONVOLUTIONS]}
        shares["UNet's own"] = ideal(own, rates) / took
        rows.append(row | {f"% of {kind}": 100 * share for kind, share in shares.items()})
    return pd.DataFrame(rows)


def by_part(operations: Parts, parts: Parts, whole: float) -> pd.DataFrame:
    """List where the seconds go, and the operations, phase after phase."""
    longest = sorted(parts, key=lambda key: (PHASES.index(key[0]), -parts[key]))
    rows = []
    for phase, part in longest:
        took, done = parts[phase, part], operations.get((phase, part), 0) / GIGA
        row = {"phase": phase, "part": part, "seconds": took, "% of epoch": 100 * took / whole}
        rows.append({**row, "GFLOP": done, "GFLOP/s": done / took if took else 0.0})
    return pd.DataFrame(rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["grpo", "drift"])
    parser.add_argument("--epochs", type=int, default=3, help="measured of each method")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=1.5, help="for each best rate and size")
    parser.add_argument("--quick", action="store_true", help="two groups, one epoch, one method")
    parser.add_argument("--out", type=Path, help="a folder for the tables, as Parquet")
    args = parser.parse_args()
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
    changes = {"train": {"groups_per_epoch": 2}} if args.quick else {}
    if args.quick:
        args.methods, args.epochs, args.seconds = ["grpo"], 1, 0.3

    runs = {method: read_run({"method": method, **changes}) for method in args.methods}
    trainers = {method: Trainer(run) for method, run in runs.items()}
    first = next(iter(trainers))
    found = best_rates(trainers[first], runs[first], args.batch_sizes, args.seconds)
    rates = {name: rate for name, (rate, _) in found.items()}
    rows = [{"what": name, "best GFLOP/s": rate, "at": at} for name, (rate, at) in found.items()]
    tables = {"rates": pd.DataFrame(rows)}
    for method, run in runs.items():
        parts, phases, whole = time(trainers[method], run, args.epochs)
        operations = count(trainers[method], run)
        tables[f"{method}, utilisation"] = utilisation(operations, phases, whole, rates)
        tables[f"{method}, parts"] = by_part(operations, parts, whole)
    saving = measure_saving(args.methods[-1], args.epochs)
    tables["kedro"] = saving
    for name, table in tables.items():
        print(f"\n{name}")
        report(table, args.out and args.out / f"{name.replace(', ', '_')}.parquet")
    paper = saving.iloc[-1, -1]
    for card, seconds in PAPER_SECONDS.items():
        print(f"{paper:.2f} s are {paper / seconds:.2%} of the paper's epoch ({card}, {seconds} s)")


if __name__ == "__main__":
    main()
