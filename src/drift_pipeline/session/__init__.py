"""Kedro's session: resuming, choosing nodes, and running some of them alone."""
