"""How this process uses a processor that it may have to share."""

import os


def wait_passively() -> None:
    """Have OpenMP's threads sleep while they wait for work, unless the environment says otherwise.

    By default they spin for a while, which takes the cores from whoever else computes; alone it
    gains nothing here (`benchmarks/beside.py`). OpenMP reads this once, when torch is imported,
    so call it before.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
