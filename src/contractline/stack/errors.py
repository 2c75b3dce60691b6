"""The errors of bringing the artefacts, apart from the code that needs a network to raise them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from contractline.cache import CACHE_VARIABLE
from contractline.errors import ContractlineError
from contractline.stack.lock import Artefact


class ArtefactsMissing(ContractlineError):
    """When files that the stack needs are neither in the cache nor to be fetched."""

    def __init__(self, missing: Sequence[Artefact], folder: Path, problem: str) -> None:
        self.missing = tuple(missing)
        self.folder = folder
        size = sum(a.size for a in missing) / 1e6
        lines = "\n".join(
            f"  {a.size / 1e6:8.2f} MB  {a.group}:{a.artifact}:{a.version}  {a.name}"
            for a in missing
        )
        super().__init__(
            f"{len(missing)} files ({size:.1f} MB) can't be fetched: {problem}\n{lines}",
            hint=(
                "run it again when the network is back: what has arrived is kept.\n"
                "  behind a proxy: set HTTPS_PROXY; with certificates of your own: SSL_CERT_FILE\n"
                f"  by hand: put the files into {folder} under these names,\n"
                "  or copy that folder from a machine where `contractline setup` was run\n"
                f"  ({CACHE_VARIABLE} names another cache folder)"
            ),
        )
