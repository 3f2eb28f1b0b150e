"""What does a package say? ZIP or bare XML -> canonical tables, findings, and whether it goes back as a whole (formats.md 2).

A package is one main file (H, T, C, X) with one file of persons (L), or one inter-territorial file (R, D, A). Its name must
agree with its header: month, own name, clinic, payer. Persons and cases are held against each other here, because only here
both are known.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

import polars as pl

from omsclaims import findings, messages
from omsclaims.findings import Finding
from omsclaims.registry import measure, names, positions
from omsclaims.registry.archive import Limits, Member, open_archive, reason_params
from omsclaims.registry.columns import PROBLEM
from omsclaims.registry.formats import Format, Overlays
from omsclaims.registry.names import InterterritorialName, PackageName
from omsclaims.registry.parsing import REFUSES_PACKAGE, XmlRead, read_xml

__all__ = ["REFUSES_PACKAGE", "PackageRead", "XmlRead", "read_package", "read_xml"]

Tables = dict[str, pl.DataFrame]
_PERSON_TABLES: Final = ("person_file", "person", "dost", "dost_p")
#: Codes of clinics, for packages whose name bears none.
_CLINIC: Final = re.compile(r"[0-9]{6}", re.ASCII)
_CLINIC_SHAPE: Final = "NNNNNN"
#: Bytes read of a file that is refused for its size.
_START: Final = 1 << 16
_BARE_STARTS: Final = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class PackageRead:
    """A package read. `tables`: canonical tables of the main file and of the file of persons, `exceptions`, `extra`.

    `refused`: at least one finding of REFUSES_PACKAGE, the package goes back whole (its tables are what could be read).
    """

    name: str  # stem of the package
    parsed: PackageName | None
    interterritorial: InterterritorialName | None
    tables: Tables
    findings: pl.DataFrame
    refused: bool
    format: Format | None
    person_format: Format | None
    digest: str  # SHA-256 of the file, hexadecimal

    @property
    def format_ids(self) -> tuple[str, ...]:
        """Ids of the editions read, the main file's first."""
        return tuple(edition.id for edition in (self.format, self.person_format) if edition is not None)


def read_package(
    source: Path | str | bytes, name: str | None = None, limits: Limits | None = None, *, answer: bool = False,
    overlays: Overlays | None = None,
) -> PackageRead:  # fmt: skip
    """Read a package: a ZIP (.zip, .oms) or a bare XML. `name` is the file's name, by default that of the path.

    `answer`: the payer's answer to a package (formats.md 10), read by the answer editions. `overlays`: what a region adds to
    the editions.

    Findings: S.801-S.814, S.820 (bare XML: persons are not checked), those of read_xml, S.912, S.913; findings about a
    person stand once for every case of that ID_PAC. Bad input never raises; a path that does not exist does.
    """
    bounds = limits or Limits()
    source = Path(source) if isinstance(source, str) else source
    data = source if isinstance(source, bytes) else _bytes_of(source, bounds)
    known = name if name is not None else source.name if isinstance(source, Path) else ""
    stem = PurePosixPath(known).stem if known.lower().endswith((".zip", ".oms", ".xml")) else known
    found: list[Finding] = []
    too_big = len(data) > bounds.package_bytes or (isinstance(source, Path) and source.stat().st_size > bounds.package_bytes)
    bare = data.lstrip(b" \t\r\n").startswith(_BARE_STARTS) or (known.lower().endswith(".xml") and data[:2] != b"PK")
    if too_big:
        params = reason_params(known, "too_big")
        found.append(Finding("S.804", code="1.4.1", package=stem, file=stem, value=known, params=params))
        members: tuple[Member, ...] = ()
    elif bare:
        members = (Member(f"{stem}.xml", data),)
    else:
        archive = open_archive(data, bounds, package=stem)
        members, found = archive.members, list(archive.findings)
    package = _Package(stem, members, found, bare=bare, answer=answer, digest=hashlib.sha256(data).hexdigest())
    package.limits, package.overlays = bounds, overlays
    return package.read()


def _bytes_of(path: Path, limits: Limits) -> bytes:
    """The file; of one that is larger than any package, or that cannot be read anyway, only its start."""
    if path.stat().st_size <= limits.package_bytes:
        return measure.bytes_of(path, limits)
    with path.open("rb") as stream:
        return stream.read(_START)


class _Package:
    """The state of reading one package."""

    def __init__(
        self, stem: str, members: tuple[Member, ...], found: list[Finding], *, bare: bool, answer: bool, digest: str
    ) -> None:
        self.stem, self.members, self.found, self.bare, self.digest = stem, members, found, bare, digest
        self.limits = Limits()
        self.overlays: Overlays | None = None
        self.answer = "RESULT_" if answer else ""
        self.parsed = names.parse_name(stem)
        self.between = names.parse_interterritorial(stem)
        self.person_stem = names.person_name(stem)

    def read(self) -> PackageRead:
        """Names, members, files, then the checks between them."""
        if self.parsed is None and (self.between is None or self.between.kind == "Y"):
            told = {lang: names.mistakes_text(self.stem, lang) for lang in messages.LANGUAGES}
            self._add("S.802", value=self.stem, params=told)
        main_member, person_member = self._pick()
        main = None if main_member is None else self._xml(main_member, self.stem, kind=self._answer_kind())
        period = _period(main)
        person = None
        if person_member is not None:
            person_stem = PurePosixPath(person_member.name).stem
            person = self._xml(person_member, person_stem, period=period, kind=f"{self.answer}L")
        tables = _merged(main, person)
        if main is not None and main.format is not None and tables["file"].height:
            self._header(tables, main.format)
        if person is not None and tables["person_file"].height:
            self._person_header(tables, PurePosixPath(person_member.name).stem if person_member else "")
        frames = [findings.frame(self.found)]
        frames += [read.findings for read in (main, person) if read is not None]
        both = tables["file"].height > 0 and tables["person_file"].height > 0
        if both and main is not None and main.format is not None and person is not None and person.format is not None:
            frames.append(_persons(tables, main.format, person.format, self.stem, self.person_stem or ""))
        together = _spread(findings.concat(frames), tables, self._most_findings(), self.stem)
        refused = together["rule"].is_in(sorted(REFUSES_PACKAGE)).any()
        return PackageRead(
            self.stem, self.parsed, self.between, tables, together, refused, main.format if main else None,
            person.format if person else None, self.digest,
        )  # fmt: skip

    def _most_findings(self) -> int:
        """How many findings about persons the package may have, once for every case."""
        return self.limits.most_findings(sum(len(member.data) for member in self.members))

    def _xml(self, member: Member, stem: str, kind: str | None, period: str | None = None) -> XmlRead:
        """One file of the package."""
        return read_xml(member.data, stem, self.stem, period, kind, limits=self.limits, overlays=self.overlays)

    def _answer_kind(self) -> str | None:
        """The kind of the main file where an answer is read; else it is told by name and header."""
        return f"RESULT_{self.parsed.kind}" if self.answer and self.parsed is not None else None

    def _add(self, rule: str, code: str | None = "1.4.1", **place: object) -> None:
        place.setdefault("file", self.stem)
        self.found.append(Finding(rule, code=code, package=self.stem, **place))  # type: ignore[arg-type]

    def _pick(self) -> tuple[Member | None, Member | None]:
        """The main file and the file of persons among the members; S.803 for what is missing, S.804 for what is too much."""
        main = person = None
        # Where the package is misnamed, its main file is the one with a lawful name: only the name is wrong then.
        misnamed = self.parsed is None and self.between is None
        for member in self.members:
            path = PurePosixPath(member.name)
            own = path.stem.upper() == self.stem.upper() or (misnamed and names.parse_name(path.stem) is not None)
            if path.suffix.lower() != ".xml":
                self._add("S.804", value=member.name, params=reason_params(member.name, "extra"))
            elif own and main is None:
                main = member
            elif person is None and (path.stem.upper() == (self.person_stem or "").upper() or names.is_person_name(path.stem)):
                person = member
            else:
                self._add("S.804", value=member.name, params=reason_params(member.name, "extra"))
        unreadable = any(finding.rule == "S.801" for finding in self.found) or (bool(self.found) and not self.members)
        if main is None and not unreadable:
            self._add("S.803", value=f"{self.stem}.xml", params={"name": f"{self.stem}.xml"})
        if person is None and main is not None and self.between is None and (self.bare or self.parsed is not None):
            missing = f"{self.person_stem or 'L'}.xml"
            if self.bare:
                self._add("S.820", code=None, value=missing, params={"name": missing})
            else:
                self._add("S.803", value=missing, params={"name": missing})
        return main, person

    def _header(self, tables: Tables, edition: Format) -> None:
        """The name against the header: month (S.810), own name (S.811), clinic (S.812), payer (S.813)."""
        header = tables["file"].row(0, named=True)
        if "ZGLV/FILENAME" in edition.by_path and header["filename"] != self.stem:
            self._differs("S.811", "ZGLV/FILENAME", header["filename"], self.stem)
        name = self.parsed
        if name is None:
            return
        if (header["year"], header["month"]) != (name.year, name.month):
            stated = f"{header['year'] or ''}-{header['month'] or 0:02d}"
            self._differs("S.810", "SCHET/MONTH", stated, name.period)
        clinic = {name.receiver_kind: name.receiver, name.sender_kind: name.sender}.get("M")
        if clinic is not None and header["code_mo"] != clinic:
            self._differs("S.812", "SCHET/CODE_MO", header["code_mo"], clinic)
        elif clinic is None and _CLINIC.fullmatch(header["code_mo"] or "") is None:
            self._differs("S.812", "SCHET/CODE_MO", header["code_mo"], _CLINIC_SHAPE)
        payer = header["plat"]
        # Sent to the fund the payer may be absent, the fund itself, or one of its insurers.
        to_fund = name.receiver_kind == "T" and (payer is None or payer.startswith(name.receiver))
        if name.receiver_kind in "ST" and not to_fund and payer != name.receiver:
            self._differs("S.813", "SCHET/PLAT", payer, name.receiver, code=None)

    def _person_header(self, tables: Tables, stem: str) -> None:
        """The file of persons names itself (S.811) and its main file (S.814)."""
        header = tables["person_file"].row(0, named=True)
        if header["filename"] != stem or (self.person_stem is not None and stem != self.person_stem):
            self._differs("S.811", "ZGLV/FILENAME", header["filename"], self.person_stem or stem, file=stem)
        if header["filename1"] != self.stem:
            self._differs("S.814", "ZGLV/FILENAME1", header["filename1"], self.stem, file=stem)

    def _differs(
        self, rule: str, element: str, stated: str | None, expected: str, *, code: str | None = "1.4.1", file: str | None = None
    ) -> None:
        params = {"stated": stated or "", "expected": expected}
        self._add(rule, code=code, element=element, value=stated, params=params, file=file or self.stem)


def _period(main: XmlRead | None) -> str | None:
    """The reporting month of the main file's header, which the file of persons does not repeat."""
    if main is None or main.tables["file"].height == 0:
        return None
    year, month = main.tables["file"]["year"][0], main.tables["file"]["month"][0]
    if year is None or month is None or not (1000 <= year <= 9999 and 1 <= month <= 12):
        return None  # no month of any calendar: the header's own findings tell it
    return f"{year}-{month:02d}"


def _merged(main: XmlRead | None, person: XmlRead | None) -> Tables:
    """Tables of both files as one set; DOST hangs on the persons of L, or on the patients of R and D where there is no L."""
    tables = dict(main.tables) if main is not None else positions.empty_tables("main")
    persons = person.tables if person is not None else positions.empty_tables("person")
    for table in _PERSON_TABLES:
        if person is not None or table not in tables:
            tables[table] = persons[table]
    for table in ("exceptions", "extra"):
        tables[table] = pl.concat([tables[table], persons[table]])
    return tables


def _persons(tables: Tables, main: Format, person: Format, package: str, person_file: str) -> pl.DataFrame:
    """Patients that L lacks (S.912, by case) and persons of L without a case (S.913)."""
    patient, persons = tables["patient"], tables["person"]
    known = persons["id_pac"].drop_nulls().unique()
    used = patient["id_pac"].drop_nulls().unique()
    missing = patient.filter(pl.col("id_pac").is_not_null() & ~pl.col("id_pac").is_in(known.implode()))
    idle = persons.filter(pl.col("id_pac").is_not_null() & ~pl.col("id_pac").is_in(used.implode()))
    lost = _problems("S.912", "1.4.3", "patient", "ZAP/PACIENT/ID_PAC", missing)
    spare = _problems("S.913", None, "person", "PERS/ID_PAC", idle)
    return pl.concat(
        [
            positions.placed(lost, tables, main, package, package),
            positions.placed(spare, tables, person, package, person_file),
        ]
    )


def _problems(rule: str, code: str | None, table: str, path: str, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        pl.lit(rule).alias("rule"), pl.lit(code, dtype=pl.String).alias("code"), pl.lit(table).alias("table"), "_row",
        pl.lit(path).alias("element"), pl.col("id_pac").alias("value"), pl.lit("{}").alias("params"),
    ).cast(dict(PROBLEM))  # type: ignore[arg-type]  # fmt: skip


def _spread(found: pl.DataFrame, tables: Tables, most: int, package: str) -> pl.DataFrame:
    """Findings about a person once for every case of that ID_PAC; those of persons without a case stay as they are.

    One ID_PAC for all persons and all cases would make a finding of every pair: more than `most` of them are S.815 instead.
    """
    about = (pl.col("level") == "person") & pl.col("id_pac").is_not_null()
    persons, others = found.filter(about), found.filter(~about.fill_null(value=False))
    if persons.height == 0:
        return found
    cases = (
        tables["z_sl"].select(pl.col("_row").alias("z_row"), pl.col("_parent").alias("@zap"), "idcase")
        .join(tables["zap"].select(pl.col("_row").alias("@zap"), "n_zap"), on="@zap")
        .join(tables["patient"].select(pl.col("_parent").alias("@zap"), "id_pac"), on="@zap")
    )  # fmt: skip
    pairs = persons.group_by("id_pac").len("@persons").join(cases.group_by("id_pac").len("@cases"), on="id_pac")
    if int((pairs["@persons"].cast(pl.Int64) * pairs["@cases"].cast(pl.Int64)).sum()) > most:
        wrong = Finding("S.815", code="1.4.1", package=package, file=package, params=measure.broken("findings", most))
        return findings.concat([found, findings.frame([wrong])])
    spread = persons.drop("z_row", "idcase", "n_zap").join(cases, on="id_pac", how="left", maintain_order="left_right")
    return findings.concat([others, findings.conform(spread.drop("@zap"))])
