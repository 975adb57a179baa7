"""What no longer belongs to its checkpoint: found before a run, so that it is made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drift_pipeline.common.errors import ConfigurationError
from drift_pipeline.common.integrity import intact
from drift_pipeline.common.values import fingerprint, flat
from drift_pipeline.config.components import STABLE_DIFFUSION
from drift_pipeline.config.evaluation import Blend
from drift_pipeline.evaluation.image_shards import COMPLETE, damaged, made_of
from drift_pipeline.evaluation.judged_tables import IMAGES, JUDGE, read_judged
from drift_pipeline.evaluation.protocol import Protocol
from drift_pipeline.runs.folder import STATE, read_state
from drift_pipeline.runs.identity import SOURCE, drawing_code, named_by, source_of
from drift_pipeline.runs.run import Run

if TYPE_CHECKING:
    from pandas import DataFrame

MadeOf = dict[str, Any]
BLENDED = "drift_pipeline.policies.blending.Blended"


def base_identity(run: Run) -> dict[str, Any]:
    """Say what the base model draws by, besides the protocol and this package's code.

    Every checkpoint draws through it as well.
    """
    spec = run.train.policy
    named = {
        "train.base_model": run.train.base_model,
        **flat(spec.model_dump(mode="json"), "train.policy"),
    }
    found = named_by(named, run.root)
    where = "train.policy.policy"
    if spec.policy != STABLE_DIFFUSION:  # whose source is in the drawing code
        found[f"{where} {SOURCE}"] = source_of(spec.policy, where)
    return {**named, **found, "precision": run.train.precision}


def expected_images(
    run: Run,
    protocol: Protocol,
    epochs: Iterable[int],
    states: Mapping[int, Path],
    will_train: bool = False,
    many: int = 0,
) -> dict[str, MadeOf]:
    """Say what the images of the base model and of each judged checkpoint must be made of.

    Args:
        run: The run that is evaluated.
        protocol: What has to be drawn.
        epochs: Epochs of the judged checkpoints.
        states: The `state.json` of each epoch, which says what its policy is.
        will_train: Checkpoints that are missing will be trained, so images of them are old.
        many: Images of each prompt that the best front is estimated from.

    Returns:
        `made_of` by place: `base`, `base_fresh`, `base_many`, `epoch_NNNN`. A checkpoint that is
        missing and will not be trained is left out: nothing is known of it.
    """
    base = fingerprint(base_identity(run))
    draws = protocol.of_base(many)
    expected = {name: images_identity(run, base, 0, drawn) for name, drawn in draws.items()}
    for epoch in epochs:
        if epoch in states:
            policy = read_state(states[epoch], alone=True)["fingerprint"]
        elif will_train:
            policy = "still to be trained"
        else:
            continue
        expected[place(epoch)] = images_identity(run, policy, epoch, protocol)
    return expected


def free_places(
    expected: Mapping[str, MadeOf],
    run: Run,
    protocol: Protocol,
    ways: Mapping[str, Blend | None],
) -> dict[str, MadeOf]:
    """Say what the images must be made of that the last checkpoint draws in other ways.

    Args:
        expected: As `expected_images` says.
        run: The run that is evaluated.
        protocol: What has to be drawn.
        ways: How, by name, as `Generate.drawn_anew` says.

    Returns:
        `made_of` by place, `free_<name>`; empty where nothing is known of the checkpoint.
    """
    last = expected.get(place(run.epochs))
    if last is None:
        return {}
    return {
        f"free_{name}": images_identity(
            run, last["policy"], last["epoch"], protocol.anew(blend, run.train.prompt_noise)
        )
        for name, blend in ways.items()
    }


def images_identity(run: Run, policy: str, epoch: int, protocol: Protocol) -> MadeOf:
    """Say what images are made of.

    Args:
        run: Names the base model and the policy's class, which count as they are now, not as they
            were when the policy was trained.
        policy: Fingerprint of what the policy, or the base model, depends on.
        epoch: The policy's epoch.
        protocol: What is drawn.
    """
    blending = {} if protocol.blend is None else {"blending": blending_code()}
    return {
        "policy": policy,
        "epoch": epoch,
        "protocol": protocol.hash,
        "base": fingerprint(base_identity(run)),
        "code": drawing_code(),
        **blending,
    }


def blending_code() -> str:
    """Hash the source of this package that blends a policy with its base model."""
    return source_of(BLENDED, "generate.free")


def place(epoch: int) -> str:
    """Name a checkpoint's folder and its part of the catalog."""
    return f"epoch_{epoch:04d}"


def images_fault(folder: Path, expected: MadeOf) -> str | None:
    """Say why images must be drawn again; `None` where they need not be, or are not there.

    Args:
        folder: Of the shards.
        expected: What they must be made of.
    """
    found = made_of(folder)
    if found is None:
        return "of an unknown origin" if (folder / COMPLETE).exists() else None
    if found != expected:
        return "of another model or protocol"
    broken = damaged(folder)
    return f"damaged ({', '.join(broken)})" if broken else None


def refuse_outdated(metrics: DataFrame, images: Path, runs: Path) -> None:
    """Refuse measures of images or policies that have been replaced since.

    Args:
        metrics: As for `outdated_measures`.
        images: Folder of the images.
        runs: Folder of the runs.

    Raises:
        ConfigurationError: With the first of them, and how to measure it again.
    """
    if outdated := outdated_measures(metrics, images, runs):
        more = f" and {len(outdated) - 1} more" if len(outdated) > 1 else ""
        raise ConfigurationError(
            f"the measures of {outdated[0]}{more} are older than its images or its policy; run "
            "kedro run --pipelines=generate and --pipelines=measure with that run's method, reward "
            "and seed"
        )


def outdated_measures(metrics: DataFrame, images: Path, runs: Path) -> list[str]:
    """Name the measured checkpoints whose images, or whose policy, have been replaced since.

    Args:
        metrics: One row per run, epoch (and `blend`, where there are any) and metric; of tables
            that do not say which images they are of, nothing is known.
        images: Where the images of all runs are.
        runs: Where the runs' folders are.
    """
    if "pictures" not in metrics.columns:
        return []
    found = []
    keys = metrics[["run", "epoch", "pictures"]].assign(blend=metrics.get("blend", ""))
    keys["blend"] = keys["blend"].fillna("")
    for run, epoch, measured, blend in keys.drop_duplicates().dropna().itertuples(index=False):
        folder = f"free_{blend}" if blend else place(epoch)
        made = made_of(images / run / folder / "images")
        state = runs / run / place(epoch) / "policy" / STATE
        redrawn = made is not None and fingerprint(made) != measured
        retrained = (
            made is not None
            and state.is_file()
            and read_state(state, alone=True)["fingerprint"] != made["policy"]
        )
        if redrawn or retrained:
            found.append(f"{run}, epoch {epoch}{f', {blend}' if blend else ''}")
    return found


def judgement_fault(
    table: Path, expected: MadeOf, by: str, judges: Mapping[str, str]
) -> str | None:
    """Say why images must be judged again; `None` where they need not be, or never were.

    Args:
        table: Parquet file of embeddings or scores.
        expected: What the images must be made of.
        by: The column that names the judge.
        judges: The digest of each judge that must have a say.
    """
    if not table.exists():
        return None
    found = read_judged(table, columns=[by, IMAGES, JUDGE])
    if found is None or not intact(table):
        return "damaged, or from before it said what was judged"
    if {*found[IMAGES]} != {fingerprint(expected)}:
        return "of other images"
    known = dict(zip(found[by], found[JUDGE], strict=True))
    changed = sorted(name for name, digest in judges.items() if known.get(name) != digest)
    return f"without {', '.join(changed)} as they are now" if changed else None
