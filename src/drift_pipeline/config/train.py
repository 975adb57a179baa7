"""How a run trains, apart from its method and its reward.

`conf/base/parameters*.yml` holds the values with their units and their source in the paper; the
models here say which values are possible. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from drift_pipeline.config.base import MAX_SAMPLES, Count, Epochs, LearningRate, Parameters
from drift_pipeline.config.components import PolicySpec
from drift_pipeline.config.places import LocalPath

Precision = Literal["fp32", "bf16", "fp16"]
Store = Literal["host", "device", "disk"]
StepWeight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


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
    """Images that the VAE decodes at once; memory alone."""
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

    learning_rate: LearningRate | None = 1e-4
    """AdamW's step size, None as the method says; every number of the adapter moves by up to this
    much per update. A `Run` has looked it up."""
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
    step_weights: Literal["uniform", "std"] | tuple[StepWeight, ...] = "uniform"
    """What each denoising step counts in the surrogate; see `rl.step_weights`."""
    updates_per_epoch: Count = 4
    """Gradient updates per epoch; each sees an equal share of the samples."""
    micro_batch_size: Count = 2
    """(sample, timestep) pairs in one forward pass; a matter of memory and speed alone."""
    measure_kl_rows: Annotated[int, Field(ge=0, le=MAX_SAMPLES)] = 64
    """Pairs on which an update measures the KL divergence where β is 0."""


class Train(Parameters):
    """A training run, apart from its method and its reward."""

    epochs: Epochs | None = None
    """Epochs to train in all, None as many as the method says; more continue a finished run."""
    base_model: str
    """Folder or hub id of a StableDiffusionPipeline, or what another policy reads."""
    policy: PolicySpec = Field(default_factory=PolicySpec)
    """The class that the base model is loaded by."""
    prompts: LocalPath
    """Text file of training prompts, one per line."""
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
    def _a_weight_for_each_step(self) -> Train:
        weights, steps = self.optimization.step_weights, self.sampling.steps
        if isinstance(weights, str):
            return self
        if len(weights) != steps:
            raise ValueError(
                f"optimization.step_weights has {len(weights)} numbers, and there are {steps} "
                "steps (sampling.steps): one for each, from noise to image"
            )
        if not any(weights):
            raise ValueError("optimization.step_weights leaves every step out: all are 0")
        return self

    @model_validator(mode="after")
    def _enough_samples(self) -> Train:
        trained = self.groups_per_epoch * self.group_size
        if trained < self.optimization.updates_per_epoch:
            raise ValueError(
                f"{trained} samples per epoch cannot fill "
                f"{self.optimization.updates_per_epoch} gradient updates"
            )
        return self
