"""The project's own plugin of Kafka Connect, compiled from ``connect/plugin`` where its sources changed.

The runtime of the services has no compiler, so Eclipse's, which is a single jar, does it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from contractline.errors import ContractlineError
from contractline.stack.artefacts import COMPILER_FOLDER
from contractline.stack.process import Command
from contractline.stack.services.base import JAVA_ENVIRONMENT, JAVA_OPTIONS, Site

FOLDER = "plugins"
"""The folder of plugins in the state folder; Connect looks for a folder a plugin in it."""

BESIDE = "debezium"
"""The plugin whose folder it lies in, since it uses that one's classes: Connect keeps plugins apart."""

JAR = "contractline-connect.jar"
RELEASE = "17"
"""The oldest Java that Kafka Connect 4 runs on."""

_DIGEST = "sources.sha256"


class PluginNotCompiled(ContractlineError):
    """When the compiler refuses the sources of the plugin."""

    def __init__(self, sources: Path, problem: str) -> None:
        self.sources = sources
        super().__init__(
            f"the Java sources in {sources} do not compile:\n{problem}",
            hint="take them from the repository, or mend what the compiler names",
        )


def provide(site: Site) -> None:
    """Fill the folder of plugins in the state folder: those of the runtime, and the own one.

    Raises:
        PluginNotCompiled: the compiler refuses the sources.
    """
    folder = site.layout.state / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    for plugin in (site.runtime / "plugins").iterdir():
        (folder / plugin.name).mkdir(mode=0o700, parents=True)
        for jar in plugin.glob("*.jar"):
            (folder / plugin.name / jar.name).symlink_to(jar)
    own = _compiled(site)
    if own is not None:
        (folder / BESIDE / JAR).symlink_to(own)


def _compiled(site: Site) -> Path | None:
    """Return the jar of the sources as they are now; None where there are none."""
    sources = site.project.connect_plugin
    files = sorted(file for file in sources.rglob("*") if file.is_file())
    if not any(file.suffix == ".java" for file in files):
        return None
    digest = _digest(sources, files)
    folder = site.layout.state / "plugin"
    folder.mkdir(mode=0o700, exist_ok=True)
    kept, jar = folder / _DIGEST, folder / JAR
    if not (jar.exists() and kept.exists() and kept.read_text() == digest):
        kept.unlink(missing_ok=True)
        _compile(site, sources, files, jar)
        kept.write_text(digest)
    return jar


def _compile(site: Site, sources: Path, files: Sequence[Path], jar: Path) -> None:
    with tempfile.TemporaryDirectory(dir=site.layout.state) as scratch:
        classes = Path(scratch) / "classes"
        done = Command(_compiler(site, sources, classes), JAVA_ENVIRONMENT, Path(scratch)).run()
        if done.returncode:
            raise PluginNotCompiled(sources, (done.stderr or done.stdout).strip())
        packed = Path(scratch) / JAR
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for root, members in ((classes, sorted(classes.rglob("*.class"))), (sources, files)):
                for file in members:
                    if file.suffix != ".java":
                        archive.write(file, file.relative_to(root).as_posix())
        packed.replace(jar)


def _compiler(site: Site, sources: Path, classes: Path) -> tuple[str, ...]:
    [compiler] = (site.runtime / COMPILER_FOLDER).glob("ecj-*.jar")
    folders = (site.runtime / "connect", site.runtime / "plugins" / "debezium")
    libraries = ":".join(str(jar) for folder in folders for jar in sorted(folder.glob("*.jar")))
    options = ("-source", RELEASE, "-target", RELEASE, "-encoding", "UTF-8", "-proc:none")
    paths = ("-classpath", libraries, "-d", str(classes), str(sources))
    return (str(site.java), *JAVA_OPTIONS, "-jar", str(compiler), *options, *paths)


def _digest(sources: Path, files: Sequence[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(sources).as_posix()}\0{file.stat().st_size}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()
