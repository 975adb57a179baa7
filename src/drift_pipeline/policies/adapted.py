"""What all policies with a LoRA adapter share: the adapter, its turns, its reference."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from drift_pipeline.common.devices import resolve_device
from drift_pipeline.common.randomness import keyed_normal
from drift_pipeline.config.train import Lora, Precision
from drift_pipeline.policies import peft_files
from drift_pipeline.policies.base import PolicyState
from drift_pipeline.rl import ddim

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class AdaptedPolicy:
    """A frozen network with an empty LoRA adapter; a subclass adds the model around it.

    Two things are kept apart. The policy holds what is heavy and never changes; a `PolicyState`
    holds what training changes. A function that trains takes a state and returns a new one, so
    that nothing lives between two epochs that is not also on the disk.

    Args:
        network: Frozen here; its layers get the adapter.
        layers: Ends of the names of the layers that get one.
        source: Where the model is from, for messages.
        lora: Rank and alpha of the adapter.
        precision: Of the matrix products. The adapter, the latents and the log-probabilities are
            fp32 in every case.
        device: `auto`, `cpu`, `cuda`, `cuda:1` ...
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Sequence[str],
        source: str,
        lora: Lora | None = None,
        precision: Precision = "fp32",
        device: str = "auto",
    ) -> None:
        from peft import LoraConfig, inject_adapter_in_model
        from peft.tuners.tuners_utils import BaseTunerLayer

        self.source, self.layers = source, tuple(layers)
        self.lora = lora or Lora()
        self.precision, self.dtype = precision, DTYPES[precision]
        self.device = resolve_device(device)
        network.requires_grad_(False).eval().to(self.device)
        config = LoraConfig(
            r=self.lora.rank,
            lora_alpha=self.lora.alpha,
            init_lora_weights="gaussian",
            target_modules=list(layers),
        )
        inject_adapter_in_model(config, network)
        self._tuned = [layer for layer in network.modules() if isinstance(layer, BaseTunerLayer)]
        self.adapter: dict[str, nn.Parameter] = {}
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
                self.adapter[name.replace(".default.", ".")] = parameter
        self._turn, self._holder = threading.Lock(), 0

    @property
    def trainable_parameters(self) -> int:
        """Number of numbers that training changes."""
        return sum(parameter.numel() for parameter in self.adapter.values())

    def initial_state(self, seed: int, parameters: dict[str, Any] | None = None) -> PolicyState:
        """Return the untrained policy: A is Gaussian and B is zero, so it is the base model.

        Args:
            seed: The run's seed.
            parameters: What the run's states depend on, kept with them.
        """
        adapter = {}
        for name, parameter in self.adapter.items():
            if ".lora_A." in name:
                normal = keyed_normal(tuple(parameter.shape), seed, "adapter", name)
                adapter[name] = normal / self.lora.rank
            else:
                adapter[name] = torch.zeros(parameter.shape)
        return PolicyState(
            0, adapter, parameters=parameters or {}, lora=self.lora, layers=self.layers
        )

    def load_adapter(self, state: PolicyState) -> None:
        """Put a state's LoRA tensors into the network.

        Raises:
            ValueError: Where the tensors are not those of this network's adapter.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in state.adapter.items()}
        expected = {name: tuple(parameter.shape) for name, parameter in self.adapter.items()}
        if shapes != expected:
            odd = sorted(name for name in shapes.keys() | expected.keys()
                         if shapes.get(name) != expected.get(name))  # fmt: skip
            raise ValueError(
                f"the policy of epoch {state.epoch} does not fit the model {self.source}: "
                f"{len(odd)} adapter tensors differ, the first is {odd[0]} "
                f"({shapes.get(odd[0])} against {expected.get(odd[0])})"
            )
        self._put(state.adapter)
        for parameter in self.adapter.values():
            parameter.grad = None

    @torch.no_grad()
    def _put(self, adapter: Mapping[str, Tensor]) -> None:
        for name, parameter in self.adapter.items():
            parameter.copy_(adapter[name])

    @contextmanager
    def using(self, state: PolicyState) -> Iterator[None]:
        """Make the model this policy within the context; other threads wait for their turn.

        Args:
            state: Its adapter is loaded.

        Raises:
            RuntimeError: Where this thread is already within such a context.
        """
        if self._holder == threading.get_ident():
            raise RuntimeError("a model holds one policy at a time; let go of the first one first")
        with self._turn:
            self._holder = threading.get_ident()
            try:
                self.load_adapter(state)
                yield
            finally:
                self._holder = 0

    @contextmanager
    def reference(self, adapter: Mapping[str, Tensor] | None = None) -> Iterator[None]:
        """Make the model its reference within the context.

        Args:
            adapter: The reference's LoRA tensors; without any, the adapter is off.
        """
        if adapter:
            own = {name: parameter.detach().clone() for name, parameter in self.adapter.items()}
            self._put(adapter)
            try:
                yield
            finally:
                self._put(own)
            return
        for layer in self._tuned:
            layer.enable_adapters(False)
        try:
            yield
        finally:
            for layer in self._tuned:
                layer.enable_adapters(True)

    def autocast(self) -> AbstractContextManager[Any]:
        """Use mixed precision where the precision is not fp32."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def log_prob(self, next_latents: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Return the Gaussian's log-probability `(b,)`, mean over latent dimensions."""
        return ddim.log_prob(next_latents, mean, std)

    @staticmethod
    def save_lora(state: PolicyState, folder: Path) -> None:
        """Write the adapter in peft's files, for whoever has the network."""
        folder.mkdir(parents=True, exist_ok=True)
        config = peft_files.lora_config(state.lora.rank, state.lora.alpha, state.layers)
        peft_files.save_adapter(state.adapter, config, folder)
