"""What became of the last writing command when it was killed? Said by whoever opens the workspace next: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interruption:
    """A writing command that did not come to its end.

    command   what was given, without its arguments; "" where the program was not used by its command line
    complete  its transaction was whole: everything is in the books; else nothing of it is
    seq       last event of the chain before it
    """

    command: str
    complete: bool
    seq: int


#: The command that is running now; set by the command line.
command: str = ""
#: Who is told; set by the command line.
announce: Callable[[Interruption], None] | None = None


def tell(what: Interruption) -> None:
    """Says what became of it, where anybody listens."""
    if announce is not None:
        announce(what)
