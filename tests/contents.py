"""What a run has written, to be compared with another run."""

from pathlib import Path

import pandas as pd


def contents(run: Path) -> dict[str, object]:
    """What a run has written, without the seconds that it took."""
    found: dict[str, object] = {}
    for path in sorted(run.rglob("*")):
        name = str(path.relative_to(run))
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
            clocks = [column for column in table.columns if column.startswith("seconds")]
            found[name] = table.drop(columns=clocks).to_json(double_precision=15)
        elif path.name == "SHA256SUMS":
            continue
        elif path.name == "README.md":  # the model card says where the adapter lies
            found[name] = path.read_text(encoding="utf-8").replace(str(run.parent), "runs")
        elif path.parent.name in ("policy", "lora") or path.name == "contact_sheet.png":
            found[name] = path.read_bytes()
    return found
