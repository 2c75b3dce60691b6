"""Likely causes, in words, of a service that does not start: read from its last log lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

CAUSES = (
    (
        r"address already in use|bindexception|failed to bind|port \d+ (is|was) already",
        "its port is in use by another program (`contractline up` again chooses a free one)",
    ),
    (
        r"no space left on device|enospc|disk full",
        "the disk is full: make room in the checkout's disk, then `contractline up`",
    ),
    (
        r"unsupportedclassversionerror|unrecognized (vm )?option|compiled by a more recent version",
        "the Java runtime is another version than needed: install contractline[stack] again",
    ),
    (
        # Not the option -XX:+ExitOnOutOfMemoryError, which Connect lists as it starts.
        r"(?<!exiton)outofmemoryerror|cannot allocate memory|could not reserve enough space"
        r"|std::bad_alloc|insufficient memory|out of memory",
        "there is not enough memory: the stack needs about 1.4 GB free",
    ),
    (
        r"data directory was initialized by|incompatible with (this )?server|invalid cluster\.id"
        r"|unsupported metadata\.version|database files are incompatible",
        "its data is of another version or cluster: `contractline reset` starts afresh (and drops"
        " the data)",
    ),
    (
        r"panic: .*(could not read|could not locate|could not find|checkpoint)"
        r"|incorrect checksum in control file|checksum_doesnt_match|corruptrecordexception"
        r"|corrupted_data",
        "its data is damaged: bring the state folder back from a copy, or `contractline reset`"
        " starts afresh (and drops the data)",
    ),
    (
        r"password authentication failed",
        "its data has another password than the state folder keeps: `contractline reset`",
    ),
    (
        r"permission denied|accessdeniedexception|eacces|operation not permitted",
        "a file or folder is not accessible to it: was the stack run as another user before?",
    ),
    (
        r"lock file .* already exists|failed to acquire lock|another kafka instance|already running"
        r"|cannot lock file",
        "another process still uses its data: `contractline down`, then up again",
    ),
    (
        r"could not find or load main class|noclassdeffounderror|classnotfoundexception"
        r"|no module named",
        "files of it are missing or damaged: `contractline setup` checks and repairs them",
    ),
    (
        r"connection refused|connection to node .* could not be established",
        "a service that it needs did not answer: `contractline logs` of the others may tell",
    ),
)


def likely_cause(lines: Iterable[str], ended: str) -> str:
    """Return what probably kept a service from starting.

    Args:
        lines: the last lines of its log.
        ended: how it ended, in words, for when the log says nothing known.
    """
    text = "\n".join(lines).lower()
    for pattern, cause in CAUSES:
        if re.search(pattern, text):
            return cause
    return ended
