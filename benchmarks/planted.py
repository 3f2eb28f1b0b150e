"""What is wrong in a made-up registry, and what is only unusual? Things planted in single records, one each.

`BAD`: a value, or an element missing or repeated, that a reader must report and go on. `SLOW`: lawful XML that registries do not
have; an unknown element and an attribute are reported, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from benchmarks.records import SLOTS, Draft, Plant, escaped
from omsclaims.registry.formats import Field, Format


def _leaves(draft: Draft, edition: Format, wanted: Callable[[Field], bool]) -> list[int]:
    """Lines of leaves that may be tampered with: not those of sums and of numbers that must be unique, and none that repeats (a
    row of its own stays where its value is lost)."""
    kept = {"SUMV", "SUM_M", *(path.rpartition("/")[2] for path in SLOTS)}
    return [
        number
        for number, (path, text, _) in enumerate(draft.lines)
        if text is not None
        and path.rpartition("/")[2] not in kept
        and not edition.by_path[path].repeats
        and wanted(edition.by_path[path])
    ]


def _bad_date(draft: Draft, edition: Format, pick: Random) -> bool:
    return _replace(draft, _leaves(draft, edition, lambda item: item.form == "D"), pick, "2022-02-30", "S.903", read=False)


def _bad_number(draft: Draft, edition: Format, pick: Random) -> bool:
    numbers = _leaves(draft, edition, lambda item: item.form == "N" and item.decimals > 0)
    return _replace(draft, numbers, pick, "12,50", "S.903", read=False)


def _too_long(draft: Draft, edition: Format, pick: Random) -> bool:
    texts = _leaves(draft, edition, lambda item: item.form == "T" and item.length <= 50 and not item.values)
    if not texts:
        return False
    number = pick.choice(texts)
    return _replace(draft, [number], pick, "Я" * (edition.by_path[draft.lines[number][0]].length + 1), "S.903", read=True)


def _not_listed(draft: Draft, edition: Format, pick: Random) -> bool:
    coded = _leaves(
        draft, edition, lambda item: item.form == "N" and item.length == 1 and "9" not in item.values and item.values != ()
    )
    return _replace(draft, coded, pick, "9", "S.904", read=True)


def _blank(draft: Draft, edition: Format, pick: Random) -> bool:
    return _replace(draft, _leaves(draft, edition, lambda item: item.must == "O"), pick, "", "S.907", read=False)


def _missing(draft: Draft, edition: Format, pick: Random) -> bool:
    mandatory = _leaves(draft, edition, lambda item: item.must == "O" and not item.repeats)
    if not mandatory:
        return False
    del draft.lines[pick.choice(mandatory)]
    draft.findings["S.902"] += 1
    return True


def _repeated(draft: Draft, edition: Format, pick: Random) -> bool:
    single = _leaves(draft, edition, lambda item: not item.repeats)
    if not single:
        return False
    number = pick.choice(single)
    draft.lines.insert(number + 1, draft.lines[number])
    draft.unread.add(number + 1)
    draft.findings["S.906"] += 1
    return True


def _replace(draft: Draft, numbers: Sequence[int], pick: Random, text: str, rule: str, *, read: bool) -> bool:
    if not numbers:
        return False
    number = pick.choice(numbers)
    draft.lines[number] = (draft.lines[number][0], text, False)
    if not read:
        draft.unread.add(number)
    draft.findings[rule] += 1
    return True


def _texts(draft: Draft, edition: Format) -> list[int]:
    return _leaves(draft, edition, lambda item: item.form == "T")


def _comment(draft: Draft, edition: Format, pick: Random) -> bool:
    number = pick.choice(_texts(draft, edition))
    draft.written[number] = "{element}<!-- сверено с картой -->"
    return True


def _cdata(draft: Draft, edition: Format, pick: Random) -> bool:
    number = pick.choice(_texts(draft, edition))
    draft.written[number] = f"<{{tag}}><![CDATA[{draft.lines[number][1]}]]></{{tag}}>"
    return True


def _unknown(draft: Draft, edition: Format, pick: Random) -> bool:
    number = pick.choice(_texts(draft, edition))
    draft.written[number] = "{element}<X_REG>17</X_REG>"
    draft.findings["S.901"] += 1
    return True


def _reference(draft: Draft, edition: Format, pick: Random) -> bool:
    number = pick.choice(_texts(draft, edition))
    text = draft.lines[number][1] or ""
    draft.written[number] = f"<{{tag}}>&#{ord(text[0])};{escaped(text[1:], pick)}</{{tag}}>"
    return True


def _attribute(draft: Draft, edition: Format, pick: Random) -> bool:
    number = pick.choice(_texts(draft, edition))
    draft.written[number] = f'<{{tag}} kod="1">{escaped(draft.lines[number][1] or "", pick)}</{{tag}}>'
    draft.findings["S.901"] += 1
    return True


BAD: Final[tuple[Plant, ...]] = (_bad_date, _bad_number, _too_long, _not_listed, _blank, _missing, _repeated)
SLOW: Final[tuple[Plant, ...]] = (_comment, _cdata, _unknown, _reference, _attribute)
