"""The Hub that its tests download from."""

from hub import hub, root

__all__ = ["hub", "root"]
