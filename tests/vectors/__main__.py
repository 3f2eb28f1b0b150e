"""Every published figure in one table: `python -m tests.vectors` prints set by set how many rows there are and how far off the worst is.

Exit code 1 where a figure is off, or a set with an expected value has none.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from inspect import signature
from types import ModuleType
from typing import Any

from tests.tariffs import test_capitation
from tests.vectors import test_small, test_tariffs

MODULES = (test_tariffs, test_capitation, test_small)


def functions(module: ModuleType) -> Iterator[Callable[[], Any]]:
    """The tests of a module whose names begin with a set, one for each row of parameters."""
    for name, function in vars(module).items():
        if not re.match(r"test_s\d+_", name):
            continue
        marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
        if not marks:
            if not signature(function).parameters:
                yield function
            continue
        names, rows = marks[0].args
        keys = [names] if isinstance(names, str) else list(names)
        for row in rows:
            values = (row,) if len(keys) == 1 else tuple(row)
            yield lambda function=function, keys=keys, values=values: function(**dict(zip(keys, values, strict=True)))


def held() -> list[tuple[str, int, str, str]]:
    """All rows that the tests hold against published figures; those that are off are among them."""
    test_tariffs.HELD.clear()
    with contextlib.redirect_stdout(io.StringIO()):
        for module in MODULES:
            for function in functions(module):
                with contextlib.suppress(AssertionError):
                    function()
    return list(test_tariffs.HELD)


def expected_sets() -> list[str]:
    """Sets of vectors.md with an expected value."""
    titles = re.findall(
        r"^## (S\d+)( \(inputs, no expected value\))?\.", test_tariffs.VECTORS.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [name for name, inputs in titles if not inputs]


def table(rows: list[tuple[str, int, str, str]]) -> list[tuple[str, int, Decimal, Decimal, int]]:
    """By set: rows, widest tolerance, largest difference, how many are off."""
    found = []
    for name in sorted({what.split()[0] for what, *_ in rows}, key=lambda text: int(text[1:])):
        of_set = [row for row in rows if row[0].split()[0] == name]
        apart = [(abs(Decimal(computed) / 100 - Decimal(expected)), Decimal(most)) for _, computed, expected, most in of_set]
        found.append(
            (name, len(of_set), max(most for _, most in apart), max(by for by, _ in apart), sum(by > most for by, most in apart))
        )
    return found


def main() -> int:
    """Prints the table."""
    if not test_tariffs.VECTORS.exists():
        print("../shared is not here: vectors.md is read from there", file=sys.stderr)
        return 2
    found = table(held())
    print(f"{'set':<6}{'figures':>8}{'tolerance':>11}{'largest difference':>20}")
    for name, rows, tolerance, largest, off in found:
        print(f"{name:<6}{rows:>8}{tolerance:>11}{largest:>20.5f}  {'ok' if not off else f'{off} OFF'}")
    missing = sorted(set(expected_sets()) - {name for name, *_ in found})
    for name in missing:
        print(f"{name:<6}no figure was held")
    return 1 if missing or any(off for *_, off in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
