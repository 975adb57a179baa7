"""Commands beside Kedro's `run`: `python -m drift_pipeline <command>`."""
