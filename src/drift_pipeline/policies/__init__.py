"""Policies: models that turn noise into images step by step, and learn.

- `base`: what a policy must offer, and its state between epochs.
- `adapted`: what all policies with a LoRA adapter share.
- `stable_diffusion`: Stable Diffusion 1.x and 2.x with a LoRA adapter, sampled with DDIM.
- `denoising`: drawing step by step with any policy.
- `lora_export`, `peft_files`: the adapter in the files that other programs read.
"""
