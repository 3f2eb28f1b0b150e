"""What came of it, both ways: the rows broken and caught, and the clean registries that break none, told as a table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.checks.official.breaking import pins, replay, scenarios
from tests.checks.official.breaking.documents import edited
from tests.checks.official.breaking.pins import Break

_RECORD: Final = re.compile(r"(?:ZAP|L:PERS)(?:\[(?P<number>\d+)\])?/")
#: The suite replays one of so many; `python -m tests.checks.official.breaking` replays all.
SHARE: Final = 3


@dataclass(frozen=True)
class Outcome:
    """A pinned change and the rows that fired."""

    of: Break
    fired: frozenset[str]

    @property
    def as_said(self) -> bool:
        """Whether exactly the rows fired that must."""
        return self.fired == self.of.expected


def executed() -> dict[str, str]:
    """Id -> book of every row that is executed on some clean registry with the rows of its region."""
    found: dict[str, str] = {}
    kinds = {(one.kind, one.main.id, one.person.id if one.person else None) for one in scenarios.documents().values()}
    for kind, main, person in sorted(kinds, key=str):
        for check in replay.of_all_regions(kind, main, person).checks:
            found[check.row.id] = check.row.book
    return found


def outcomes(breaks: Iterable[Break]) -> list[Outcome]:
    """The rows that fire on each change: changes of one record many at a time, others each in a file of its own."""
    alone: list[Break] = []
    groups: dict[tuple[str, int], list[Break]] = {}
    for one in breaks:
        number = _record_of(one)
        if number is None or one.expected & _whole(one):
            alone.append(one)
        else:
            groups.setdefault((one.scenario, number), []).append(one)
    made = [_alone(one) for one in alone]
    for (scenario, number), several in groups.items():
        found = replay.together(scenarios.document(scenario), number, [one.edits for one in several])
        if found.whole:  # some change shows on the whole file, against what is pinned: whose it is, is seen alone
            made += [_alone(one) for one in several]
        else:
            made += [Outcome(one, _ids(fired)) for one, fired in zip(several, found.each, strict=True)]
    return sorted(made, key=lambda one: (one.of.book, one.of.row))


def _alone(one: Break) -> Outcome:
    return Outcome(one, _ids(replay.replayed(edited(one.document, one.edits)).fired))


def _ids(fired: Iterable[replay.RowId]) -> frozenset[str]:
    return frozenset(row for _, row in fired)


def _record_of(one: Break) -> int | None:
    """The record that all changes lie in; None: they do not lie in one, or change what numbers records."""
    numbers = set()
    for edit in one.edits:
        match = _RECORD.match(edit.place)
        if match is None or edit.place.endswith(("/ID_PAC", "/N_ZAP")):
            return None
        numbers.add(int(match["number"] or 1))
    return numbers.pop() if len(numbers) == 1 else None


def _whole(one: Break) -> frozenset[str]:
    """Rows that look at the file as a whole."""
    checks = replay.program_of(one.document)[0].checks
    return frozenset(check.row.id for check in checks if check.grain in replay.WHOLE)


def clean_names() -> list[str]:
    """All clean registries: with the federal rows, and with a fund's own where a change of them is pinned."""
    return sorted({*scenarios.documents(), *(one.scenario for one in pins.breaks())})


def firing(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Clean registries on which rows fire."""
    found = {name: _ids(replay.replayed(scenarios.document(name)).fired) for name in names}
    return {name: rows for name, rows in found.items() if rows}


# ---------------------------------------------------------------- told


def told(made: Sequence[Outcome], dirty: dict[str, frozenset[str]], clean: int, share: int = 1) -> str:
    """The table, and every row that is not as it must be."""
    rows = executed()
    caught = {one.of.row for one in made if one.as_said}
    tried = {one.of.row for one in made}
    excused = pins.unbroken()
    lines = [
        f"{'book':6}{'category':10}{'executed':>10}{'tried':>8}{'caught':>8}{'with others':>13}{'cannot':>8}{'not broken':>12}"
    ]
    places = Counter((book, row[:4]) for row, book in rows.items())
    total = Counter[str]()
    for (book, category), number in sorted(places.items()):
        here = [row for row, of in rows.items() if of == book and row.startswith(category)]
        figures = {
            "executed": number, "tried": sum(row in tried for row in here), "caught": sum(row in caught for row in here),
            "with": sum(bool(one.of.companions) for one in made if one.of.row in here and one.as_said),
            "cannot": sum(row in excused for row in here),
            "not": sum(row not in excused and row not in {one.row for one in pins.breaks()} for row in here),
        }  # fmt: skip
        total.update(figures)
        lines.append(_line(book, category, figures))
    lines.append(_line("all", "", total))
    if share > 1:
        lines.append(f"(one of {share} replayed here; all of them: python -m tests.checks.official.breaking)")
    if clean:
        lines.append(f"clean registries: {clean}, of which some row fires on: {len(dirty)}")
    lines += [f"  {name}: {', '.join(sorted(found))}" for name, found in sorted(dirty.items())]
    for one in made:
        if not one.as_said:
            missing, more = one.of.expected - one.fired, one.fired - one.of.expected
            lines.append(f"  {one.of.row} on {one.of.scenario}: silent {sorted(missing)}, besides {sorted(more)}")
    known = {one.row for one in pins.breaks()}
    lines += [f"  not broken: {book} {row}" for row, book in sorted(rows.items()) if row not in known and row not in excused]
    return "\n".join(lines)


def _line(book: str, category: str, figures: dict[str, int] | Counter[str]) -> str:
    return (
        f"{book:6}{category:10}{figures['executed']:>10}{figures['tried']:>8}{figures['caught']:>8}"
        f"{figures['with']:>13}{figures['cannot']:>8}{figures['not']:>12}"
    )
