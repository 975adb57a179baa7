"""Every parameter of a training run, typed.

`conf/base/parameters*.yml` holds the values with their units and their source in the paper; the
models here say which values are possible. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from click import ClickException
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from drift_pipeline.config.places import LocalPath

Precision = Literal["fp32", "bf16", "fp16"]
Store = Literal["host", "device", "disk"]
Decay = Annotated[float, Field(ge=0, lt=1)]

MAX_EPOCHS = 1000
"""Every epoch is a part of the pipeline, and Kedro's memory for it grows with the square of them:
`benchmarks/unroll.py` prints 1.3 GiB for 1,000 epochs, before anything runs."""
MAX_SAMPLES = 1_000_000
"""Candidates of an epoch, and pictures of a prompt; more would fill any machine's memory."""

Epochs = Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
Count = Annotated[int, Field(ge=1, le=MAX_SAMPLES)]


class ConfigurationError(ClickException, ValueError):
    """Something asked for cannot be done; the message is one line that says what to change.

    Kedro's command line prints such an exception as that line, without a traceback.
    """


class Parameters(BaseModel):
    """A misspelled name is an error, numbers are finite, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[str(info.field_name)]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError(f"must not be true or false (it is {str(value).lower()})")
        return value


class Shaping(Parameters):
    """Diversity as a second reward (section 5.3)."""

    ratio: Annotated[float, Field(ge=0)] = 0.0
    """λ of Eq. 12 and 14; 0 leaves it out."""
    merge: Literal["advantage", "reward"] = "advantage"
    """Eq. 14 (each normalised on its own, then added) or Eq. 12 (added before normalising)."""
    sigma: Annotated[float, Field(gt=0)] = 1.0
    """Upper bound σ of the intrinsic reward, Eq. 13."""


class Method(Parameters):
    """A preset: what makes DRIFT, its ablations and its baselines differ."""

    candidates: Annotated[int, Field(le=1000)] = 1
    """Candidates drawn for a group, as a multiple of the group size."""
    selection: Literal["all", "concentrated", "contrasted"] = "all"
    """Which candidates are trained on (section 5.1, Appendix E)."""
    prompt_noise: bool = False
    """Perturb the prompt embeddings in training (section 5.2, Appendix F)."""
    shaping: Shaping = Shaping()
    """Diversity as a second reward (section 5.3)."""
    advantage: Literal["group", "batch"] = "group"
    """Rewards are normalised within a group (GRPO) or over the whole epoch (DDPO)."""
    kl_beta: Annotated[float, Field(ge=0)] = 0.0
    """β, weight of the KL divergence from the base model; 0 leaves it out."""
    epochs: Epochs | None = None
    """Epochs to train where `train.epochs` does not say."""
    checkpoint_every: Annotated[int, Field(ge=1)] | None = None
    """A checkpoint is judged every so many epochs where `generate` does not say how often."""

    def arithmetic(self) -> dict[str, Any]:
        """What a policy depends on: all but how long it trains and how often it is judged."""
        return self.model_dump(mode="json", exclude={"epochs", "checkpoint_every"})

    @model_validator(mode="after")
    def _candidates_fill_the_group(self) -> Method:
        if self.candidates < 1:
            raise ValueError(
                f"candidates is {self.candidates}: the group size is larger than the number of "
                "candidates it is chosen from; ask for 1 or more times the group size"
            )
        if self.selection == "all" and self.candidates != 1:
            raise ValueError(
                f"selection 'all' trains on every candidate, so candidates must be 1 "
                f"(it is {self.candidates}); or choose 'concentrated' or 'contrasted'"
            )
        return self


class RewardSpec(Parameters):
    """A reward: an importable scorer, its options and the bounds of its normalised value."""

    scorer: str
    """Dotted path of a class whose instances map (images, prompts) to scores."""
    options: dict[str, Any] = {}
    """What the scorer's constructor gets."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """Scores that count as 0 and as 1 where normalised rewards are reported."""
    truth: str | None = None
    """Dotted path of the true reward behind this one, images -> values, where it is known."""

    @model_validator(mode="after")
    def _ordered(self) -> RewardSpec:
        low, high = self.bounds
        if low >= high:
            raise ValueError(
                f"bounds: the first ({low:g}) must be smaller than the second ({high:g})"
            )
        return self


class EncoderSpec(Parameters):
    """An encoder: an importable class and its options."""

    encoder: str
    """Dotted path of a class whose instances map images to unit embeddings."""
    options: dict[str, Any] = {}
    """What the encoder's constructor gets."""


class Lora(Parameters):
    """The adapter on the UNet's attention layers."""

    rank: Annotated[int, Field(ge=1, le=4096)] = 8
    """r, width of the low-rank update."""
    alpha: Count = 16
    """α; the update is scaled by α / r."""


class Sampling(Parameters):
    """How a trajectory is drawn."""

    steps: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Denoising steps T."""
    guidance: Annotated[float, Field(ge=0)] = 5.0
    """Weight w of classifier-free guidance; 1 is none."""
    eta: Annotated[float, Field(gt=0, le=1)] = 1.0
    """DDIM's η, the noise level; 0 would leave no policy to learn."""
    batch_size: Count = 16
    """Samples drawn at once; a matter of memory and speed alone."""
    decode_batch_size: Count = 32
    """Pictures that the VAE decodes at once; memory alone."""
    store: Store = "host"
    """Where the trajectories lie until the update: memory alone."""


class PromptNoise(Parameters):
    """Perturbation of the prompt embeddings (Appendix F); used where the method asks for it."""

    scale: Annotated[float, Field(ge=0)] = 0.05
    """s of Eq. 34."""
    tau1: Annotated[float, Field(ge=0, le=1)] = 0.4
    """No noise before this fraction of the training timesteps, Eq. 35."""
    tau2: Annotated[float, Field(gt=0)] = 1.0
    """Full noise after this fraction, Eq. 35."""
    psi: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Mixing factor of the embedding with its mean and spread restored, Eq. 37."""

    @model_validator(mode="after")
    def _ordered(self) -> PromptNoise:
        if self.tau1 >= self.tau2:
            raise ValueError(f"tau1 ({self.tau1}) must be smaller than tau2 ({self.tau2})")
        return self


class Optimization(Parameters):
    """How the policy is moved."""

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-4
    """AdamW's step size; every number of the adapter moves by up to this much an update."""
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    """AdamW's β1 and β2."""
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    """AdamW's ε."""
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    """AdamW's weight decay."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    """The gradient is shortened to this Euclidean length."""
    clip_range: Annotated[float, Field(gt=0)] = 1e-4
    """ε of the clipped surrogate: the importance ratio counts within 1 ± ε."""
    advantage_clip: Annotated[float, Field(gt=0)] = 5.0
    """Advantages are cut to ± this."""
    updates_per_epoch: Count = 4
    """Gradient updates an epoch; each sees an equal share of the samples."""
    micro_batch_size: Count = 2
    """(sample, timestep) pairs in one forward pass; a matter of memory and speed alone."""
    measure_kl_rows: Annotated[int, Field(ge=0, le=MAX_SAMPLES)] = 64
    """Pairs on which an update measures the KL divergence where β is 0."""


class Train(Parameters):
    """A training run, apart from its method and its reward."""

    epochs: Epochs | None = None
    """Epochs to train in all, None as many as the method says; more continue a finished run."""
    base_model: str
    """Folder or hub id of a StableDiffusionPipeline."""
    prompts: LocalPath
    """Text file of training prompts, one a line."""
    encoder: str = "dreamsim"
    """Encoder of the intra-group diversity, a name in `encoders`."""
    groups_per_epoch: Count = 16
    """Prompts drawn for an epoch, each a group of its own."""
    group_size: Annotated[int, Field(ge=2, le=MAX_SAMPLES)] = 8
    """G, samples of a group that are trained on."""
    lora: Lora = Lora()
    sampling: Sampling = Sampling()
    prompt_noise: PromptNoise = PromptNoise()
    optimization: Optimization = Optimization()
    precision: Precision = "fp32"
    """Precision of the base model."""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    """`auto` takes the GPU where there is one."""
    channels_last: bool = False
    """Memory layout of the convolutions; speed alone."""
    gradient_checkpointing: bool = False
    """Less memory in the update for a second forward pass."""
    workers: Annotated[int, Field(ge=1, le=1024)] = 1
    """Batches computed at the same time, each on its share of the cores; speed alone."""
    contact_sheet_groups: Annotated[int, Field(ge=1, le=1000)] = 4
    """Groups that an epoch's contact sheet shows."""
    progress: bool = True
    """Show progress bars."""
    runs_folder: LocalPath = "data/06_models/runs/bestiary"
    """Where the folders of the runs are."""
    if_changed: Literal["refuse", "start_over", "continue"] = "refuse"
    """What to do with a run of this name that was trained with other parameters or other source;
    `continue` trains on with the new source, but never with other parameters."""
    start_over: bool = False
    """Set aside what a run of this name has written, and train it anew."""

    @model_validator(mode="after")
    def _enough_samples(self) -> Train:
        trained = self.groups_per_epoch * self.group_size
        if trained < self.optimization.updates_per_epoch:
            raise ValueError(
                f"{trained} samples an epoch cannot fill "
                f"{self.optimization.updates_per_epoch} gradient updates"
            )
        return self
