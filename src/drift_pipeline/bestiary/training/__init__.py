"""Training the bestiary's models and writing them in each library's own format.

- `architectures`, `perceptual`, `tokenizer`: the networks before training, and what they read.
- `fit`, `muon`: the training loop and its optimizers.
- `autoencoder`, `denoiser`: Stable Diffusion.
- `contrast`: the two CLIPs.
- `rankings`, `preferences`, `reward_models`: PickScore and HPSv2, what they learn from, and what
  they are judged by.
- `similarity`: DreamSim, by the triplets that it learns from.
- `formats`, `open_clip_layout`: the files.
- `recognition`: whether the animals that come out are those that were asked for.
"""
