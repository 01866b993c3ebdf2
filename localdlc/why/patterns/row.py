"""What a row of the table of known failures is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Pattern"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A known failure.

    ``text`` is a regular expression over the last lines of a replica, where ``^`` and ``$`` are
    those of a line. ``ended`` is how a replica ends that has said nothing known: ``oom``, ``oom of
    a process``, ``a rehearsed fault``, a signal such as ``SIGBUS``, or an exit code. ``says`` and
    ``do`` are sentences that may name groups of ``text`` (``path2`` is another ``path``), and these
    facts; what is in ``[…]`` is left out where those in it are not known:

    - ``{place}``: where the group ``path`` is in this job, such as below a MountPath, and whose
    - ``{image}``: the replica's image
    - ``{memory}``, ``{shm}``: its limits, in words
    - ``{peak}``: the most memory that it was seen to use
    - ``{fault}``: the one that ended it, as it was asked for

    ``echo``: what a replica says whose peer has gone before it.
    """

    name: str
    says: str
    do: str
    text: str = ""
    ended: str = ""
    echo: bool = False
