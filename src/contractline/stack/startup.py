"""Start-up caches: what Java loaded and linked in an earlier start, so that the next is quicker.

They halve the start of each Java service. A recording run writes them when it ends (``setup`` does
one); a Java that finds a cache not made for it goes on without.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

RECORD_VARIABLE = "CONTRACTLINE_RECORD_STARTUP"
MADE_FOR = "java"


@dataclass(frozen=True, slots=True)
class StartupCaches:
    """The caches of one runtime under one Java.

    Attributes:
        folder: where they are; there only when all are.
        recording: whether services write them instead of using them.
    """

    folder: Path
    recording: bool = False

    @classmethod
    def of(cls, cache: Path, runtime: Path, java: Path) -> StartupCaches:
        """Return the caches for a runtime folder and a Java program."""
        key = hashlib.sha256(f"{runtime}\n{java}\n{java.stat().st_mtime_ns}".encode()).hexdigest()
        return cls(cache / "startup" / key[:16])

    @property
    def exists(self) -> bool:
        """Whether a recording run has made them."""
        return (self.folder / MADE_FOR).exists()

    def options(self, service: str) -> tuple[str, ...]:
        """Return the options with which a Java service starts."""
        file = self.folder / f"{service}.aot"
        if self.recording:
            return (f"-XX:AOTCacheOutput={file}",)
        return (f"-XX:AOTCache={file}",) if file.exists() else ()

    def adopt(self, recorded: Path, java: Path) -> None:
        """Take over what a recording run wrote; caches of a Java that is gone are dropped."""
        (recorded / MADE_FOR).write_text(str(java))
        for other in self.folder.parent.glob("*"):
            made_for = other / MADE_FOR
            if made_for.exists() and not Path(made_for.read_text()).exists():
                shutil.rmtree(other, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        recorded.rename(self.folder)
