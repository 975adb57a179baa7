"""The catalog is loaded for every command, so nothing heavy may come with it."""

import subprocess
import sys


def test_the_datasets_come_without_torch():
    script = "import sys, drift_pipeline.datasets; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
