"""Count what one epoch of the paper costs on a GPU: operations, bytes, and what follows from them.

Nothing is computed and nothing is timed: the full-size networks are built on torch's `meta` device,
which knows shapes and no numbers, and their operations and tensors are counted as they go by.

    python benchmarks/cost.py            # prints the tables of docs/cost.md
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode

GROUPS, GROUP_SIZE, CANDIDATES, STEPS = 32, 8, 16, 50
"""Table 2, for each of two GPUs: 256 samples an epoch, 128 of them trained, 50 denoising steps."""
UPDATES, KL_ROWS, SAMPLING_BATCH, DECODING_BATCH = 4, 64, 16, 4
"""As conf/paper has them."""
TEXT_WIDTH, TOKENS, LATENT, PIXELS = 768, 77, (4, 64, 64), 512
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
GIB = 2**30


@dataclass(frozen=True)
class Card:
    """A GPU: its memory, and its maker's peak rates, dense, in TFLOP/s."""

    name: str
    gib: float
    half: float
    single: float


CARDS = (Card("RTX 4090, 24 GB", 24, 165, 82.6), Card("A100, 80 GB", 79, 312, 19.5))
SHARE_OF_PEAK = 0.4
"""Share of the peak rate that is assumed to be reached; not measured."""
RESERVE = 2.0
"""GiB left for CUDA's own context, cuDNN's workspaces and the allocator's gaps; not measured."""


# The networks --------------------------------------------------------------------------------


def unet() -> nn.Module:
    """SD v1.5's UNet: diffusers' defaults, but for the text's width."""
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        return UNet2DConditionModel(sample_size=64, cross_attention_dim=TEXT_WIDTH)


def adapted(model: nn.Module, rank: int = 8) -> nn.Module:
    """Make a UNet in half precision with the adapter of training, in fp32."""
    from peft import LoraConfig

    model = model.half().requires_grad_(False)
    with torch.device("meta"):
        model.add_adapter(LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=ATTENTION))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


def lora_parameters(rank: int) -> int:
    """Numbers in the adapter, in closed form.

    A transformer block of width c has 14 c + 2 · 768 inputs and outputs in its eight projections:
    eight inputs and outputs of self-attention and six of cross-attention are c wide, two inputs
    are the text's. SD v1.5 has 5, 5 and 6 blocks of width 320, 640 and 1280.
    """
    blocks = {320: 5, 640: 5, 1280: 6}
    return sum(rank * (14 * c + 2 * TEXT_WIDTH) * count for c, count in blocks.items())


def vae() -> nn.Module:
    """SD v1.5's autoencoder."""
    from diffusers import AutoencoderKL

    with torch.device("meta"):
        return AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512),
            layers_per_block=2,
            sample_size=PIXELS,
        ).half()


def text_encoder() -> nn.Module:
    """SD v1.5's text encoder: CLIP ViT-L/14's, transformers' defaults in its width."""
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        return CLIPTextModel(
            CLIPTextConfig(
                hidden_size=TEXT_WIDTH, intermediate_size=3072, num_attention_heads=12,
                projection_dim=TEXT_WIDTH,
            )
        )  # fmt: skip


def vit_h() -> nn.Module:
    """CLIP ViT-H/14, the network of PickScore and of HPSv2."""
    from transformers import CLIPConfig, CLIPModel

    text = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24,
            "num_attention_heads": 16}  # fmt: skip
    vision = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
              "num_attention_heads": 16, "patch_size": 14, "image_size": 224}  # fmt: skip
    with torch.device("meta"):
        return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=1024))


def vit_b(patch: int) -> nn.Module:
    """ViT-B: DreamSim's ensemble is three with patches of 16, OpenCLIP has one with 32."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    with torch.device("meta"):
        return CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                num_attention_heads=12, patch_size=patch, image_size=224,
            )
        )  # fmt: skip


# Counting ------------------------------------------------------------------------------------


class FusedAttention(torch.autograd.Function):
    """Attention as the GPU's fused kernels do it: no matrix of weights is kept."""

    operations = 0

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Two products of matrices; queries, keys, values and the result are kept."""
        rows = query.shape[:-1].numel()
        result = query.new_empty(*query.shape[:-1], value.shape[-1])
        ctx.save_for_backward(query, key, value, result, query.new_empty(rows, dtype=torch.float32))
        ctx.product = 2 * rows * key.shape[-2] * query.shape[-1]
        FusedAttention.operations += 2 * ctx.product
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        """Five products: one of them computes the weights again."""
        FusedAttention.operations += 5 * ctx.product
        return tuple(torch.empty_like(tensor) for tensor in ctx.saved_tensors[:3])


HALF, SINGLE = ("linear", "conv2d"), ("group_norm", "layer_norm")
"""What CUDA's autocast computes in half precision and in fp32, of what these networks use."""


@contextmanager
def as_on_a_gpu(half: bool) -> Iterator[None]:
    """Fuse attention, and do as autocast does, which meta tensors do not have.

    Args:
        half: Whether autocast is on.
    """

    def casting(function: Callable[..., Any], dtype: torch.dtype) -> Callable[..., Any]:
        def cast(*args: Any, **kwargs: Any) -> Any:
            return function(*tree_map_only(Tensor, lambda tensor: tensor.to(dtype), args), **kwargs)

        return cast

    def attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
        dtype = torch.half if half else query.dtype
        return FusedAttention.apply(query.to(dtype), key.to(dtype), value.to(dtype))

    with ExitStack() as patches:
        replace = partial(patch.object, functional)
        patches.enter_context(replace("scaled_dot_product_attention", attention))
        for names, dtype in ((HALF, torch.half), (SINGLE, torch.float32)):
            for name in names if half else ():
                patches.enter_context(replace(name, casting(getattr(functional, name), dtype)))
        yield


class Memory(TorchDispatchMode):
    """Bytes of the tensors that are alive, and the most there have been."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note the storages of an operation's results."""
        results = func(*args, **(kwargs or {}))
        given = {id(t.untyped_storage()) for t in tree_leaves((args, kwargs)) if _is_tensor(t)}
        for tensor in tree_leaves(results):
            storage = tensor.untyped_storage() if _is_tensor(tensor) else None
            if storage is None or id(storage) in self._seen or id(storage) in given:
                continue
            self._seen.add(id(storage))
            self.now += storage.nbytes()
            weakref.finalize(storage, self._forget, id(storage), storage.nbytes())
        self.peak = max(self.peak, self.now)
        return results

    def _forget(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.now -= size


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


@dataclass
class Count:
    """What a call does: floating-point operations, and bytes beyond the weights at its peak."""

    operations: float = 0
    peak: float = 0


@contextmanager
def counting(half: bool) -> Iterator[Count]:
    """Count what happens within."""
    count, memory = Count(), Memory()
    FusedAttention.operations = 0
    with FlopCounterMode(display=False) as flops, memory, as_on_a_gpu(half):
        yield count
    count.operations = flops.get_total_flops() + FusedAttention.operations
    count.peak = memory.peak


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Make a tensor of a shape and no numbers."""
    return torch.empty(shape, device="meta", dtype=dtype)


def unet_call(model: nn.Module, pairs: int) -> Tensor:
    """Take a policy step of some (sample, timestep) pairs: guidance doubles them."""
    rows = 2 * pairs
    times = torch.empty(rows, device="meta", dtype=torch.long)
    return model(meta(rows, *LATENT), times, meta(rows, TOKENS, TEXT_WIDTH)).sample


def sampled(model: nn.Module, pairs: int) -> Count:
    """Take a step of the rollout."""
    with torch.no_grad(), counting(half=True) as count:
        unet_call(model, pairs)
    return count


def trained(model: nn.Module, pairs: int, checkpointing: bool = False) -> Count:
    """Compute a micro-batch of the update: forward, and backward to the adapter."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    (
        model.enable_gradient_checkpointing
        if checkpointing
        else model.disable_gradient_checkpointing
    )()
    with counting(half=True) as count:
        torch.autograd.grad(unet_call(model, pairs).float().mean(), weights)
    return count


def looked_at(call: Callable[[], Any], half: bool = False) -> Count:
    """Count what a call without gradient takes."""
    with torch.no_grad(), counting(half) as count:
        call()
    return count


def parameters(model: nn.Module) -> int:
    """Numbers in a network."""
    return sum(parameter.numel() for parameter in model.parameters())


# The tables ----------------------------------------------------------------------------------


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table; all columns but the first are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Count, and print the tables of docs/cost.md."""
    plain = unet()
    weights = {"UNet": (parameters(plain), 2)}
    model = adapted(plain)
    adapter = lora_parameters(8)
    decoder, clip, dream, text = vae(), vit_h(), vit_b(16), text_encoder()
    weights |= {
        "VAE": (parameters(decoder), 2),
        "text encoder": (parameters(text), 4),
        "PickScore or HPSv2": (parameters(clip), 4),
        "DreamSim, 3 × ViT-B/16": (3 * parameters(dream), 4),
        "adapter, its gradient and AdamW's moments": (adapter, 16),
    }

    drawn, kept = GROUPS * CANDIDATES, GROUPS * GROUP_SIZE
    step = sampled(model, 1)
    pairs = {n: trained(model, n) for n in (1, 2)}
    again = {n: trained(model, n, checkpointing=True) for n in (1, 2)}
    decode = looked_at(lambda: decoder.decode(meta(1, *LATENT, dtype=torch.half)), half=True)
    pixels = meta(1, 3, 224, 224)
    score = looked_at(lambda: clip.get_image_features(pixels))
    embed = looked_at(lambda: dream(pixels))
    parts = [
        # what, count of one, how many, in half precision
        ("rollout: UNet, both halves of guidance", step.operations, drawn * STEPS, True),
        ("rollout: VAE", decode.operations, drawn, True),
        ("reward: ViT-H/14, images", score.operations, drawn, False),
        ("diversity: DreamSim", 3 * embed.operations, kept, False),
        ("update: UNet, forward and backward", pairs[1].operations, kept * STEPS, True),
        ("update: measuring the KL", step.operations, UPDATES * KL_ROWS, True),
    ]
    print("Weights that stay on the GPU\n")
    total = sum(number * size for number, size in weights.values())
    rows = [[name, f"{number / 1e6:,.1f}", str(size), f"{number * size / GIB:.2f}"]
            for name, (number, size) in weights.items()]  # fmt: skip
    rows.append(["all", "", "", f"{total / GIB:.2f}"])
    print(table(["", "million numbers", "bytes each", "GiB"], rows))
    print(f"\nThe adapter has {adapter:,} numbers.\n")

    print("Operations and time of an epoch\n")
    rows, seconds = [], dict.fromkeys(CARDS, 0.0)
    for name, one, many, half in parts:
        times = []
        for card in CARDS:
            rate = (card.half if half else card.single) * 1e12 * SHARE_OF_PEAK
            seconds[card] += one * many / rate
            times.append(f"{one * many / rate:,.1f}")
        rows.append([name, f"{one / 1e12:.3f}", f"{many:,}", f"{one * many / 1e15:.2f}", *times])
    all_operations = sum(one * many for _, one, many, _ in parts)
    rows.append(
        ["all", "", "", f"{all_operations / 1e15:.2f}", *(f"{s:,.0f}" for s in seconds.values())]
    )
    heads = [f"s, {card.name}" for card in CARDS]
    print(table(["", "TFLOP each", "times", "PFLOP", *heads], rows))

    print("\nMemory beyond the weights\n")
    batches = {n: sampled(model, n) for n in (1, SAMPLING_BATCH)}
    decodes = looked_at(
        lambda: decoder.decode(meta(DECODING_BATCH, *LATENT, dtype=torch.half)), half=True
    )
    rows = [
        [f"rollout, {SAMPLING_BATCH} samples at once", f"{batches[SAMPLING_BATCH].peak / GIB:.2f}"],
        [f"decoding {DECODING_BATCH} images", f"{decodes.peak / GIB:.2f}"],
        *([f"update, pairs at once: {n}", f"{count.peak / GIB:.2f}"] for n, count in pairs.items()),
        *([f"update with gradient checkpointing, pairs at once: {n}", f"{count.peak / GIB:.2f}"]
          for n, count in again.items()),
    ]  # fmt: skip
    print(table(["", "GiB"], rows))

    print("\nThe largest micro-batch\n")
    rows = []
    for card in CARDS:
        room = card.gib * GIB - total - RESERVE * GIB
        line = [card.name, f"{card.gib:g}", f"{room / GIB:.1f}"]
        line += [str(int(room / (counts[2].peak / 2))) for counts in (pairs, again)]
        rows.append(line)
    print(table(["", "GiB", "left for the update, GiB", "pairs", "pairs, checkpointing"], rows))
    shown = 40 * 40 * STEPS * step.operations + 40 * 40 * decode.operations
    print(f"\nImages of an evaluated checkpoint: {shown / 1e15:.1f} PFLOP, "
          + ", ".join(f"{shown / (card.half * 1e12 * SHARE_OF_PEAK) / 60:.0f} minutes ({card.name})"
                      for card in CARDS) + ".")  # fmt: skip
    extra = again[1].operations / pairs[1].operations - 1
    print(f"\nGradient checkpointing adds {extra:.0%} to the update's operations.")

    latents = drawn * (STEPS + 1) * LATENT[0] * LATENT[1] * LATENT[2] * 4
    print(f"\nTrajectories: {drawn} × {STEPS + 1} latents in fp32 take {latents / GIB:.2f} GiB, "
          f"{latents // (drawn // kept) / GIB:.2f} GiB once {kept} are chosen.")  # fmt: skip


if __name__ == "__main__":
    main()
