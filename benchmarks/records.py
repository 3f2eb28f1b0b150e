"""What is one made-up record? Elements of an edition in the order of its table, as bytes with slots for what copies differ in."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Final

from benchmarks import made_up
from omsclaims.registry.formats import Field, Format

#: Leaves that are stamped into every copy, by path: record number, patient, case.
SLOTS: Final = {"ZAP/N_ZAP": "n", "ZAP/PACIENT/ID_PAC": "g", "PERS/ID_PAC": "g", "ZAP/Z_SL/IDCASE": "c"}
MARKS: Final = {"n": ("\x01n\x01", b"%d"), "g": ("\x01g\x01", b"%s"), "c": ("\x01c\x01", b"%d")}
GUID_LENGTH: Final = 36
#: Records tried for one thing to plant before the next is taken: not every edition has an element for each.
_PATIENCE: Final = 20


# --- which optional elements a record has -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Scenario:
    """One sort of record: its weight, the codes it fixes, and `optional`: tails of paths with a chance or a range of repeats."""

    weight: int
    codes: Mapping[str, str]
    optional: str
    stay: bool = False
    tumour: bool = False

    def counts(self) -> list[tuple[str, float | tuple[int, int]]]:
        """`DS2:0-3 C_ZAB DN:.2` as pairs of tail and chance or range."""
        found: list[tuple[str, float | tuple[int, int]]] = []
        for word in self.optional.split():
            tail, _, how = word.partition(":")
            low, dash, high = how.partition("-")
            found.append((f"/{tail}", (int(low), int(high)) if dash else float(how or 1)))
        return found


_VISIT: Final = {"USL_OK": "3", "VIDPOM": "13", "FOR_POM": "3", "RSLT": "301", "ISHOD": "301", "IDSP": "29"}
_STAY: Final = {"USL_OK": "1", "VIDPOM": "31", "FOR_POM": "3", "RSLT": "101", "ISHOD": "101", "IDSP": "33"}
_DAY: Final = {"USL_OK": "2", "VIDPOM": "31", "FOR_POM": "3", "RSLT": "201", "ISHOD": "201", "IDSP": "33"}
_HIGH: Final = {**_STAY, "VIDPOM": "32", "IDSP": "32"}
_INSURED: Final = "ENP SMO SL/TARIF SL/ED_COL MR_USL_N/PRVS MR_USL_N/CODE_MD COMENTSL:.3 COMENTU:.05 LPU_1:.4 USL/TARIF"
_GROUP: Final = "KSG_KPG N_KSG CRIT:0-2 PROFIL_K P_PER KD KD_Z DS0 DS2:0-3 DS3:0-1 C_ZAB NPR_MO NPR_DATE"
_COMPLEX: Final = "SL_KOEF:1-2 IT_SL"
_DRUGS: Final = "LEK_PR:1-3 LEK_DOSE ONK_USL:1-2 LEK_TIP_L LEK_TIP_V DATE_INJ:1-3 REGNUM"
_TUMOUR: Final = "ONK_SL STAD ONK_T ONK_N ONK_M B_DIAG:0-2 DIAG_RSLT REC_RSLT CONS DT_CONS"
_NAMED: Final = "FAM IM OT DOCTYPE DOCSER DOCNUM DOCDATE DOCORG SNILS:.8 OKATOG:.7 OKATOP:.7 MR:.6"

SCENARIOS: Final[dict[str, tuple[Scenario, ...]]] = {
    "H": (
        Scenario(62, _VISIT, f"{_INSURED} P_CEL C_ZAB DN:.15 DS2:0-2 SL/USL:1-4 VID_VME:.3"),
        Scenario(20, _STAY, f"{_INSURED} {_GROUP} SL/USL:1-3", stay=True),
        Scenario(8, _STAY, f"{_INSURED} {_GROUP} {_COMPLEX} SL/USL:1-3", stay=True),
        Scenario(8, _DAY, f"{_INSURED} {_GROUP} SL/USL:1-2", stay=True),
        Scenario(2, _DAY, f"{_INSURED} {_GROUP} SL/USL:1-2 LEK_PR:1-3 LEK_DOSE WEI", stay=True),
    ),
    "T": (
        Scenario(80, _HIGH, f"{_INSURED} NPR_MO NPR_DATE KD_Z DS0 DS2:0-3 SL/USL:1-2", stay=True),
        Scenario(20, _HIGH, f"{_INSURED} {_TUMOUR} NPR_MO NPR_DATE KD_Z SL/USL:1-2", stay=True, tumour=True),
    ),
    "C": (
        Scenario(50, _VISIT, f"{_INSURED} {_TUMOUR} P_CEL C_ZAB DN DS2:0-2 NAPR:0-1 MET_ISSL SL/USL:1-3", tumour=True),
        Scenario(50, _DAY, f"{_INSURED} {_TUMOUR} {_GROUP} {_DRUGS} HEI ONK_SL/WEI BSA SL/USL:1-2", stay=True, tumour=True),
    ),
    "X": (
        Scenario(
            100, {"VIDPOM": "12", "RSLT_D": "1", "IDSP": "30"},
            f"{_INSURED} RSLT_D DS1 DS1_PR:.2 PR_D_N DS2_N:0-2 NAZ:0-2 NAPR_MO:.5 NAPR_DATE:.5 SL/USL:2-6",
        ),
    ),
    "L": (
        Scenario(94, {}, f"{_NAMED} TEL:.3"),
        Scenario(6, {}, f"{_NAMED} TEL:.9 FAM_P IM_P OT_P W_P DR_P"),
    ),
    "R": (
        Scenario(60, _VISIT, f"{_NAMED} {_INSURED} P_CEL C_ZAB DS2:0-2 SL/USL:1-3"),
        Scenario(40, _STAY, f"{_NAMED} {_INSURED} {_GROUP} {_COMPLEX} SL/USL:1-2", stay=True),
    ),
}  # fmt: skip


# --- one record -------------------------------------------------------------------------------------------------------

#: An element of a record in file order: path, text of a leaf (None: a structure opens), whether a structure closes here.
Line = tuple[str, str | None, bool]


class Author:
    """Writes made-up records of one edition, element by element in the order of its table."""

    def __init__(self, edition: Format, kind: str, pick: Random) -> None:
        self.edition, self.pick = edition, pick
        self.scenarios = SCENARIOS[kind]
        self.counts = [self._counts(scenario) for scenario in self.scenarios]
        self.record_path = "PERS" if edition.family == "person" else "ZAP"

    def _counts(self, scenario: Scenario) -> dict[str, float | tuple[int, int]]:
        """Path -> chance or range; tails that the edition does not have are no matter."""
        tails = scenario.counts()
        return {
            item.path: next((how for tail, how in tails if f"/{item.path}".endswith(tail)), 1.0 if item.must == "O" else 0.0)
            for item in self.edition.fields
        }

    def record(self) -> tuple[list[Line], int]:
        """The elements of one record, and the amount of its case in kopecks."""
        which = self.pick.choices(range(len(self.scenarios)), [scenario.weight for scenario in self.scenarios])[0]
        scenario, counts = self.scenarios[which], self.counts[which]
        record = made_up.Record(self.pick, scenario.stay, scenario.tumour, dict(scenario.codes))
        services = max(self._count(counts, "ZAP/Z_SL/SL/USL"), 1)
        for _ in range(services):
            tariff = self.pick.randrange(20_000_00, 90_000_00) if scenario.stay else self.pick.randrange(120_00, 2_400_00)
            record.services.append((self.pick.choice((1, 1, 1, 2)), tariff))
        record.case_kop = sum(quantity * tariff for quantity, tariff in record.services)
        lines: list[Line] = []
        self._structure(self.record_path, record, {**counts, "ZAP/Z_SL/SL/USL": (services, services)}, lines)
        return lines, record.case_kop

    def _count(self, counts: Mapping[str, float | tuple[int, int]], path: str) -> int:
        how = counts.get(path, 0.0)
        if isinstance(how, tuple):
            return self.pick.randint(*how)
        return int(how >= 1 or self.pick.random() < how)

    def _structure(
        self, path: str, record: made_up.Record, counts: Mapping[str, float | tuple[int, int]], lines: list[Line]
    ) -> None:
        lines.append((path, None, False))
        record.ordinal = 0
        for item in self.edition.children[path]:
            for number in range(self._count(counts, item.path)):
                if path == "ZAP/Z_SL/SL" and item.name == "USL":
                    record.service = number
                if item.form == "S":
                    self._structure(item.path, record, counts, lines)
                else:
                    slot = SLOTS.get(item.path)
                    lines.append((item.path, MARKS[slot][0] if slot else made_up.value(item, record), False))
        lines.append((path, None, True))


@dataclass
class Draft:
    """A record on its way to become a template: its lines, and what was done to some of them."""

    lines: list[Line]
    written: dict[int, str] = field(default_factory=dict)  # line -> how it is written instead
    unread: set[int] = field(default_factory=set)  # lines whose text no column can hold
    findings: Counter[str] = field(default_factory=Counter)


#: Puts something into a draft; False where the record has no element for it.
Plant = Callable[[Draft, Format, Random], bool]


# --- records as bytes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """A record as bytes with slots, and what it adds to the truth."""

    body: bytes
    slots: tuple[str, ...]
    kopecks: int
    paths: Mapping[str, tuple[int, int]]
    findings: Counter[str]


def escaped(text: str, pick: Random) -> str:
    """Character data; quotes are written as `&quot;` by about half of the programs."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;") if pick.random() < 0.5 else text


def _element(tag: str, text: str, pick: Random) -> str:
    return f"<{tag}>{escaped(text, pick)}</{tag}>"


def _written(draft: Draft, pick: Random) -> str:
    """The lines as text: one element per line, indented by tabs, the record one deep."""
    parts: list[str] = []
    for number, (path, text, closes) in enumerate(draft.lines):
        tag = path.rpartition("/")[2]
        if text is None:
            shown = f"</{tag}>" if closes else f"<{tag}>"
        else:
            shown = _element(tag, text, pick)
            if number in draft.written:
                shown = draft.written[number].replace("{tag}", tag).replace("{element}", shown)
        parts.append("\t" * (path.count("/") + 1) + shown + "\n")
    return "".join(parts)


def measured(item: Field, text: str) -> int:
    """What a value adds to the sum of its path (see Truth)."""
    if item.form == "T":
        return len(text)
    if item.form == "D":
        return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()
    whole, _, fraction = text.partition(".")
    value: int = int(whole) * 10**item.decimals + int(fraction.ljust(item.decimals, "0") or 0)
    return value


def _counted(draft: Draft, edition: Format) -> dict[str, tuple[int, int]]:
    """Path -> structures, or values and their sum; stamped values are added with the copies."""
    found: dict[str, tuple[int, int]] = {}
    for number, (path, text, closes) in enumerate(draft.lines):
        if closes or number in draft.unread or path in SLOTS:
            continue
        known, total = found.get(path, (0, 0))
        found[path] = known + 1, total + (0 if text is None else measured(edition.by_path[path], text))
    return found


def template(author: Author, codec: str, plants: Sequence[Plant] = (), first: int = 0) -> Template:
    """One record; with `plants`, something planted in it: the one at `first`, or the next that the edition has room for."""
    for attempt in itertools.count(_PATIENCE * first):
        lines, kopecks = author.record()
        draft = Draft(lines)
        if not plants or plants[attempt // _PATIENCE % len(plants)](draft, author.edition, author.pick):
            break
    body = _written(draft, author.pick).encode(codec).replace(b"%", b"%%")
    slots = tuple(SLOTS[path] for path, text, _ in draft.lines if text is not None and path in SLOTS)
    for mark, sign in MARKS.values():
        body = body.replace(mark.encode(), sign)
    return Template(body, slots, kopecks, _counted(draft, author.edition), draft.findings)
