"""OpenMP's threads wait without taking a core from others, as libgomp itself says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SEEN = "import drift_pipeline.settings, sys; assert 'torch' not in sys.modules; import torch"


@pytest.mark.parametrize(("outside", "inside"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_the_settings_are_in_time_for_openmp_and_leave_the_users_choice(
    outside: str | None, inside: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if outside:
        environment["OMP_WAIT_POLICY"] = outside
    done = subprocess.run(
        [sys.executable, "-c", SEEN],
        env=environment | {"OMP_DISPLAY_ENV": "TRUE"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"OMP_WAIT_POLICY = '{inside}'" in done.stderr
