"""A method of one's own that measures its KL divergence from the policy after the first epoch."""

from drift_pipeline.methods.standard import Standard


class Renewing(Standard):
    """The method of its switches, with a reference of its own from the second epoch on."""

    def renews_reference(self, epoch: int) -> bool:
        """Take the policy after the first epoch."""
        return epoch == 1
