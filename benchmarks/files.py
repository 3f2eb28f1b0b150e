"""Where do big registries come from? Made-up files of any size and kind, the same bytes for the same parameters, kept in build/.

A few thousand distinct records are made from the format table of the edition, element by element in its order, one element per
line, indented by tabs - so the samples of the exchange are written, and so their programs write. Copies of them, in random order,
get a number, a patient and a case of their own. All is valid but what is planted: a share of records with one bad value each
(or a missing, repeated or blank element), and, where wanted, a share of records that are lawful XML of a kind that registries do
not have: a comment, CDATA, an unknown element, a numeric reference, an attribute, in turn.

What was put in is counted beside the file, path by path (`Truth`): a reader that is timed must find the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from benchmarks import made_up
from benchmarks.planted import BAD, SLOW
from benchmarks.records import GUID_LENGTH, SLOTS, Author, Template, measured, template
from omsclaims.registry.formats import Format, find_format

WORK: Final = Path("build") / "bench" / "files"
#: Changes with every change of what is generated: old files are not taken for new ones.
GENERATOR: Final = 2
KINDS: Final = ("H", "T", "C", "X", "L", "R")

Encoding = Literal["windows-1251", "utf-8"]
Ints = npt.NDArray[np.int64]

_VERSIONS: Final = {"H": "3.2", "T": "3.1", "C": "3.1", "X": "3.1", "L": "3.2", "R": "3.2"}
_NAMES: Final = {
    "H": "HM980901T98_22031", "T": "TM980901T98_22031", "C": "CM980901T98_22031", "X": "DPM980901T98_22031",
    "L": "LM980901T98_22031", "R": "R9899220001",
}  # fmt: skip
_CODECS: Final = {"windows-1251": "cp1251", "utf-8": "utf-8"}
_TEMPLATES: Final = 3_000
_BLOCK: Final = 2_000
_FIRST_CASE: Final = 10_000_000


@dataclass(frozen=True)
class Spec:
    """What is wanted: `megabytes` (of 10^6 bytes) or a number of `records`; shares are of the records."""

    kind: str
    megabytes: float = 200
    records: int = 0
    seed: int = 7
    encoding: Encoding = "windows-1251"
    bad_share: float = 0.001
    slow_share: float = 0.0

    @property
    def edition(self) -> Format:
        """The edition of the format that the file follows."""
        return find_format(self.kind, _VERSIONS[self.kind], f"{made_up.YEAR}-{made_up.MONTH:02d}").format

    @property
    def folder(self) -> str:
        """A name that says everything the bytes depend on."""
        lines = repr([(item.path, item.form, item.length, item.decimals, item.must, item.values) for item in self.edition.fields])
        size = f"{self.records}records" if self.records else f"{self.megabytes:g}MB"
        return (
            f"v{GENERATOR}-{self.edition.id}-{hashlib.sha256(lines.encode()).hexdigest()[:8]}-{size}-seed{self.seed}-{self.encoding}"
            f"-bad{self.bad_share:g}-slow{self.slow_share:g}"
        )


@dataclass
class Truth:
    """What was put in: `paths` -> (elements or values that a column can hold, their sum), and planted findings by rule.

    The sum of numbers is in units of their decimals, of dates in days since 1970, of texts in characters.
    """

    records: int = 0
    bytes: int = 0
    elements: int = 0
    paths: dict[str, tuple[int, int]] = field(default_factory=dict)
    findings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """A file and what is in it."""

    path: Path
    truth: Truth


def made(spec: Spec, work: Path | None = None) -> Made:
    """The file, made if it is not there yet (in WORK by default). A folder appears whole or not at all."""
    folder = (work or WORK) / spec.folder
    path = folder / f"{_NAMES[spec.kind]}.xml"
    if not path.exists():
        part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        truth = write(spec, part / path.name)
        (part / "truth.json").write_text(json.dumps(asdict(truth)), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    told = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    told["paths"] = {name: (count, total) for name, (count, total) in told["paths"].items()}
    return Made(path, Truth(**told))


# --- the file ---------------------------------------------------------------------------------------------------------


def write(spec: Spec, path: Path) -> Truth:
    """Writes the file of `spec` to `path` and tells what is in it."""
    edition, codec = spec.edition, _CODECS[spec.encoding]
    author = Author(edition, spec.kind, Random(f"{spec.seed}-{edition.id}"))
    wanted = spec.records or int(spec.megabytes * 1_000_000 / 1_500)
    templates = [template(author, codec) for _ in range(min(_TEMPLATES, max(wanted, 1)))]
    bad = [template(author, codec, BAD, number) for number in range(30 * len(BAD))] if spec.bad_share else []
    slow = [template(author, codec, SLOW, number) for number in range(60 * len(SLOW))] if spec.slow_share else []
    order = _order(spec, [len(one.body) for one in templates], len(bad), len(slow))
    every = [*templates, *bad, *slow]
    times = np.bincount(order, minlength=len(every))
    truth = _truth(every, times, edition, author.record_path)
    kopecks = int(np.dot(times, np.array([one.kopecks for one in every], dtype=np.int64)))
    head, tail = _frame(spec, edition, len(order), kopecks, truth)
    with path.open("wb") as out:
        out.write(head.encode(codec))
        for block in _blocks(every, order, spec.seed):
            out.write(block)
        out.write(tail.encode(codec))
    truth.bytes = path.stat().st_size
    return truth


def _order(spec: Spec, sizes: Sequence[int], bad: int, slow: int) -> Ints:
    """Which template comes when: the numbers of the templates, then of the bad, then of the slow ones."""
    pick = np.random.default_rng(spec.seed)
    mean = float(np.mean(sizes)) + GUID_LENGTH
    records = spec.records or max(round(spec.megabytes * 1_000_000 / mean), 1)
    order = pick.integers(0, len(sizes), records)
    lots = pick.permutation(records)
    worse = round(records * spec.bad_share) if bad else 0
    slower = round(records * spec.slow_share) if slow else 0
    order[lots[:worse]] = len(sizes) + np.arange(worse) % max(bad, 1)
    order[lots[worse : worse + slower]] = len(sizes) + bad + np.arange(slower) % max(slow, 1)
    return order


def _truth(every: Sequence[Template], times: Ints, edition: Format, record_path: str) -> Truth:
    """What all copies add up to."""
    truth = Truth(records=int(times.sum()))
    findings: Counter[str] = Counter()
    for one, copies in zip(every, times.tolist(), strict=True):
        for path, (count, total) in one.paths.items() if copies else ():
            before = truth.paths.get(path, (0, 0))
            truth.paths[path] = before[0] + count * copies, before[1] + total * copies
        for rule, count in one.findings.items() if copies else ():
            findings[rule] += count * copies
    truth.findings = dict(findings)
    numbers = truth.records * (truth.records + 1) // 2
    cases = truth.records * _FIRST_CASE + numbers - truth.records
    sums = {"n": numbers, "g": truth.records * GUID_LENGTH, "c": cases}
    for path, slot in SLOTS.items():
        if path in edition.by_path:
            truth.paths[path] = truth.records, sums[slot]
    truth.elements = sum(count for count, _ in truth.paths.values())
    assert truth.paths[record_path][0] == truth.records
    return truth


def _frame(spec: Spec, edition: Format, records: int, kopecks: int, truth: Truth) -> tuple[str, str]:
    """What stands before the records and behind them; the header is counted, too."""
    values = {
        "ZGLV/VERSION": edition.version, "ZGLV/DATA": "2022-04-04", "ZGLV/FILENAME": _NAMES[spec.kind],
        "ZGLV/FILENAME1": _NAMES["H"], "ZGLV/SD_Z": str(records), "ZGLV/C_OKATO1": "98000", "ZGLV/OKATO_OMS": "99000",
        "SCHET/CODE": "1", "SCHET/CODE_MO": made_up.CLINIC, "SCHET/YEAR": str(made_up.YEAR), "SCHET/MONTH": str(made_up.MONTH),
        "SCHET/NSCHET": "1-22", "SCHET/DSCHET": "2022-04-04", "SCHET/PLAT": made_up.INSURER,
        "SCHET/SUMMAV": made_up.roubles(kopecks), "SCHET/SUMMAP": made_up.roubles(kopecks) if spec.kind == "R" else "",
    }  # fmt: skip
    lines = [f'<?xml version="1.0" encoding="{spec.encoding}"?>', f"<{edition.root}>"]
    for part in edition.children[""]:
        if part.path in ("ZAP", "PERS"):
            continue
        truth.paths[part.path] = (1, 0)
        lines.append(f"\t<{part.name}>")
        for item in edition.children[part.path]:
            text = values.get(item.path, "")
            if text:
                truth.paths[item.path] = (1, measured(item, text))
                lines.append(f"\t\t<{item.name}>{text}</{item.name}>")
        lines.append(f"\t</{part.name}>")
    return "\n".join(lines) + "\n", f"</{edition.root}>\n"


def _blocks(every: Sequence[Template], order: Ints, seed: int) -> Iterator[bytes]:
    """The copies, some thousand at a time. Patient number N is the same in all files of a seed."""
    pick = Random(f"{seed}-patients")
    for first in range(0, len(order), _BLOCK):
        letters = pick.randbytes(16 * _BLOCK).hex()
        parts: list[bytes] = []
        for number, which in enumerate(order[first : first + _BLOCK].tolist()):
            one, digits = every[which], letters[32 * number : 32 * number + 32]
            guid = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()
            stamps: dict[str, Any] = {"n": first + number + 1, "g": guid, "c": _FIRST_CASE + first + number}
            parts.append(one.body % tuple([stamps[slot] for slot in one.slots]))
        yield b"".join(parts)
