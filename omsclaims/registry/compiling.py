"""Is the scanner compiled on this machine yet? That takes some seconds, once; who waits for it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Called once before the scanner is compiled, not when its compiled code is merely loaded. The command line tells the user.
announce: Callable[[], None] | None = None

_done = False


def is_kept(function: Any) -> bool:
    """Whether numba has compiled code of the function on disk for this version of it; False where it cannot be told.

    numba has no public way to ask; the private one is the index that it reads itself before it compiles.
    """
    try:
        return bool(function._cache._cache_file._load_index())
    except (AttributeError, OSError, ValueError):
        return False


def prepare() -> bool:
    """Loads the scanner, compiling it where that was not done before. Returns whether it was compiled now."""
    global _done  # noqa: PLW0603 - of the process, as numba's compiled code is
    if _done:
        return False
    from omsclaims.registry import kernel

    compiled_now = not all(is_kept(function) for function in (kernel.scan, kernel.finish, kernel.repeats))
    if compiled_now and announce is not None and not kernel.PORTABLE:
        announce()
    from omsclaims.registry import fast

    fast.run_once()
    _done = True
    return compiled_now


def is_warm() -> bool:
    """Whether this process has the scanner loaded."""
    return _done
