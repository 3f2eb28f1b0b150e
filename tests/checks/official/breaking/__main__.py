"""Replays every pinned change and every clean registry, and prints the table: python -m tests.checks.official.breaking"""

from __future__ import annotations

import sys

from tests.checks.official.breaking import pins, shelf, table


def main() -> int:
    """1 where a row is not caught, another fires, a clean registry fires, or an executed row has no change."""
    if not shelf.SHARED.exists():
        print("../shared is not here: the check books of the state are read from it")
        return 1
    made = table.outcomes(pins.breaks())
    names = table.clean_names()
    dirty = table.firing(names)
    print(table.told(made, dirty, len(names)))
    known = {one.row for one in pins.breaks()} | set(pins.unbroken())
    return int(bool(dirty) or not all(one.as_said for one in made) or not set(table.executed()) <= known)


if __name__ == "__main__":
    sys.exit(main())
