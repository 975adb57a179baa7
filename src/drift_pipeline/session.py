"""Kedro's session, except that training and evaluation go on where they stopped."""

from __future__ import annotations

from typing import Any

from kedro.framework.session import KedroSession

RESUMED = {"train", "generate", "measure", "analyze", "__default__"}
"""Pipelines that skip what they have already written, as with `--only-missing-outputs`."""


class ResumingSession(KedroSession):
    """Trains and evaluates with `--only-missing-outputs`, unless nodes are asked for by name."""

    def run(  # type: ignore[override]
        self,
        pipeline_name: str | None = None,
        pipeline_names: list[str] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Run pipelines; the arguments are those of `KedroSession.run`."""
        names = pipeline_names or [pipeline_name or "__default__"]
        if RESUMED.issuperset(names) and not options.get("node_names"):
            options["only_missing_outputs"] = True
        return super().run(pipeline_name, pipeline_names, **options)
