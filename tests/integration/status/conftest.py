"""Labs on the running stack, as for the targets."""

from tests.integration.targets.conftest import lab, make_lab

__all__ = ["lab", "make_lab"]
