"""Whether the pipeline flows: what each system says of the streams, the connectors and the watch.

To say more of a stream or a connector, add a reader to its section in :data:`SECTIONS`: what its
facts are called become columns, and a fact with a problem makes ``contractline status`` exit with 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from contractline.errors import ContractlineError, SettingInvalid
from contractline.status.connectors import changes, tasks
from contractline.status.facts import Fact, Facts, Sources
from contractline.status.quality import quality
from contractline.status.snapshots import rows
from contractline.status.streams import errors, lag
from contractline.status.views import refreshes
from contractline.status.watch import last_action

Reader = Callable[[Sources], Facts]

SECTIONS: Mapping[str, Sequence[Reader]] = {
    "streams": (lag, errors, changes, rows, quality),
    "connectors": (tasks,),
    "refreshable views": (refreshes,),
    "watch": (last_action,),
}


@dataclass(slots=True)
class Section:
    """What was found of one kind of thing.

    Attributes:
        name: the kind, such as ``streams``.
        facts: the facts of each, by its name.
        untold: why something could not be told.
    """

    name: str
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    untold: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What keeps things from flowing, each once with the names of all, and what is untold."""
        named: dict[str, list[str]] = {problem: [self.name] for problem in self.untold}
        for name in self.facts:
            for problem in self.of(name):
                named.setdefault(problem, []).append(name)
        return [f"{', '.join(names)}: {problem}" for problem, names in named.items()]

    def of(self, name: str) -> list[str]:
        """Return what keeps one thing from flowing."""
        return [fact.problem for fact in self.facts[name] if fact.problem]


def look(sources: Sources) -> list[Section]:
    """Ask all systems at once; what one does not answer is a problem of its section."""
    with ThreadPoolExecutor() as asking:
        asked = {
            name: [asking.submit(reader, sources) for reader in readers]
            for name, readers in SECTIONS.items()
        }
    sections = []
    for name, answers in asked.items():
        section = Section(name)
        for answer in answers:
            try:
                found = answer.result()
            except SettingInvalid:
                continue  # nobody says where the service is, so that it does not run here
            except ContractlineError as problem:
                section.untold.append(str(problem))
                continue
            for subject, facts in found.items():
                section.facts.setdefault(subject, []).extend(facts)
        section.untold = list(dict.fromkeys(section.untold))
        sections.append(section)
    return sections
