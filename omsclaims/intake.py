"""How does a package get into the workspace? Read, checked against formats, books and relations, stored whole or refused whole.

A package is taken in once: the same content again changes nothing, other content under the same name is refused until the first
is withdrawn, and a closed month takes nothing. One bad package never stops the others.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from omsclaims import checks, findings
from omsclaims.checks import official
from omsclaims.findings import Finding
from omsclaims.law.agreement import Control, kept_agreement
from omsclaims.money import format_amount
from omsclaims.nsi import Books, Library
from omsclaims.periods import Month
from omsclaims.registry import compiling, names, reader
from omsclaims.registry.bundle import Bundle
from omsclaims.registry.formats import Overlays, load_overlays
from omsclaims.registry.limits import Limits
from omsclaims.workspace import PERSON_TABLES, PackageRow, Workspace, keep_file, read_tables, sha256_bytes, write_tables

#: What is kept in the folder of a package beside the tables of its registry.
NOT_OF_THE_REGISTRY: Final = ("findings", "executions")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Intake:
    """What became of one file."""

    path: Path
    package: str
    month: str | None
    state: str  # accepted | refused | already
    cases: int
    sumv_kop: int
    findings: pl.DataFrame
    digest: str = ""

    @property
    def shown(self) -> str:
        """Its name as it may stand in paths and in the audit chain."""
        return shown_name(self.package, self.digest)


@dataclass(frozen=True)
class _Job:
    """One file to read, for a worker process."""

    path: Path
    as_of: date
    workspace: Path
    attempt: str  # number of this intake and of the file in it: each writes folders of its own, never over published ones


@dataclass(frozen=True)
class _Read:
    """What a worker found in one file; the tables already lie in the workspace, unnamed until the transaction names them."""

    path: Path
    package: str
    digest: str
    month: str | None
    mo: str | None
    receiver: str | None
    file_kind: str | None
    formats: str
    refused: bool
    cases: int
    sumv_kop: int
    findings: pl.DataFrame
    path_tables: Path
    path_people: Path


@dataclass(frozen=True)
class _Setting:
    """What a worker needs to know beside the file."""

    library: Library  # each package is checked by the editions of its own reporting month
    overlays: Mapping[int, Overlays]  # by year: what the agreement's region adds to the editions
    warm: bool  # so much to read that loading the compiled reader is worth it
    limits: Limits  # what is too much to be safe
    control: Mapping[int, Control]  # by year: what the agreement switches off


_SETTING: dict[str, _Setting] = {}

#: From so many bytes of packages on (registries pack 20 to 60 times) every worker loads the compiled reader first.
_WARM_BYTES: Final = 2 << 20
#: From so many cases on, packages that were read are checked, before more are read.
CASES_TOGETHER: Final = 100_000
#: Into how many shares the files of each process are divided, and the most packed bytes of one.
_SHARES_EACH: Final = 4
_MOST_SHARE: Final = 8 << 20


def _start_worker(setting: _Setting) -> None:
    _SETTING["now"] = setting
    if setting.warm:
        compiling.prepare()


class CheckedPackage(NamedTuple):
    """A package read and checked: all findings, whether it is refused whole, and what became of the rows of the check books."""

    read: reader.PackageRead
    findings: pl.DataFrame
    refused: bool
    executions: pl.DataFrame  # checks.official.EXECUTIONS


def check_package(
    path: Path, books: Books | Library, as_of: date, to_the_end: bool = False, limits: Limits | None = None,
    overlays: Overlays | None = None, control: Control | None = None,
) -> CheckedPackage:  # fmt: skip
    """Reads one package and checks it as far as it goes without registers.

    books       the books, or a library: then those of the reporting month of the package, as they were known on `as_of`
    to_the_end  checks the cases of a package that goes back whole, too. Intake does not: with a wrong header every case would
                look wrong, and a package that goes back is not judged case by case.

    limits, overlays   as reader.read_package
    control            options of control of the region's agreement: what it switches off is not looked at

    The official check books among the books are executed beside the catalogue of control.
    """
    read = reader.read_package(path, limits=limits, overlays=overlays)
    return check_packages([(read, control)], books, as_of, to_the_end)[0]


def check_packages(
    reads: Sequence[tuple[reader.PackageRead, Control | None]], books: Books | Library, as_of: date, to_the_end: bool = False
) -> list[CheckedPackage]:
    """As `check_package`, for packages already read, each with the options of control of its region and year.

    What is alike is checked together, which costs less and finds the same in each.
    """
    found = [[read.findings] for read, _ in reads]
    by_books = [official.Checked(findings.empty(), pl.DataFrame(schema=official.EXECUTIONS))] * len(reads)
    judged = [number for number, (read, _) in enumerate(reads) if read.tables and (to_the_end or not read.refused)]
    for group in _groups([reads[number] for number in judged], as_of):
        at = [judged[number] for number in group]
        first, control = reads[at[0]]
        month = reporting_month(first) or Month(as_of.year, as_of.month)
        chosen = books if isinstance(books, Books) else books.books(month, as_of)
        parents = {} if first.format is None else official.parents_of(first.format, first.person_format)
        named = Bundle.of([(reads[number][0].name, _named(reads[number][0])) for number in at], parents)
        parts = _by_package(named, checks.check_registry(named.tables, chosen, as_of, control))
        for number, part in zip(at, parts, strict=True):
            found[number].append(part)
        if first.format is not None:
            for number, checked in zip(
                at, official.check_together(named, first.format, first.person_format, chosen, as_of), strict=True
            ):
                by_books[number] = checked
                found[number].append(checked.findings)
    return [_checked(read, parts, told) for (read, _), parts, told in zip(reads, found, by_books, strict=True)]


def _groups(reads: Sequence[tuple[reader.PackageRead, Control | None]], as_of: date) -> list[list[int]]:
    """Packages that can be checked together, by their number: alike, each with a header that bears the name of the package, no
    name twice."""
    groups: dict[Hashable, list[int]] = {}
    for number, (read, control) in enumerate(reads):
        header = read.tables["file"]
        if read.format is None or header.height != 1 or header["filename"][0] != read.name or read.parsed is None:
            groups[number] = [number]
            continue
        alike = official.alike(read.name, read.tables, read.format, read.person_format, as_of)
        again = sum(other.name == read.name for other, _ in reads[:number])
        groups.setdefault((alike, reporting_month(read), id(control), again), []).append(number)
    return list(groups.values())


def _by_package(packages: Bundle, found: pl.DataFrame) -> list[pl.DataFrame]:
    """Findings package by package; those of one package alone bear its name, whatever its header says."""
    if len(packages.names) == 1:
        return [found.with_columns(package=pl.lit(packages.names[0]))]
    return packages.parted(found)


def _checked(read: reader.PackageRead, found: list[pl.DataFrame], by_books: official.Checked) -> CheckedPackage:
    everything = findings.concat([*found, findings.frame(_unreadable_amounts(read))])
    whole = set(everything["rule"].unique().to_list()) & (checks.REFUSES_PACKAGE | {"W.4"})
    refused = read.refused or bool(whole) or by_books.refuses_package
    return CheckedPackage(read, everything, refused, by_books.executions)


def _named(read: reader.PackageRead) -> Mapping[str, pl.DataFrame]:
    """The tables; a file between territories, whose header does not say its name, is given it: its kind follows from that."""
    if read.interterritorial is None:
        return read.tables
    return {**read.tables, "file": read.tables["file"].with_columns(package=pl.lit(read.name))}


def reporting_month(read: reader.PackageRead) -> Month | None:
    """The reporting month of a package: as its bill says, else as its name does; None where neither is a month."""
    header = read.tables.get("file") if read.tables else None
    billed = None
    if header is not None and header.height:
        row = header.row(0, named=True)
        billed = _month_of(row.get("year"), row.get("month"))
    name = read.parsed
    named = _month_of(2000 + name.year if name.year < 100 else name.year, name.month) if name is not None else None
    found = billed or named
    return Month.parse(found) if found else None


def _unreadable_amounts(read: reader.PackageRead) -> list[Finding]:
    """W.4: a case whose SUMV cannot be read. What the invoice bills is then unknown, and no month could balance with it."""
    if read.parsed is None or not read.tables or not read.tables["file"].height:
        return []
    unreadable = read.tables["z_sl"].filter(pl.col("sumv").is_null()).height
    if not unreadable:
        return []
    summav = read.tables["file"]["summav"][0]
    params = {"count": unreadable, "summav": "-" if summav is None else format_amount(summav)}
    return [Finding("W.4", code="1.4.2", package=read.name, file=read.name, element="SCHET/SUMMAV", params=params)]


def _between_territories(read: reader.PackageRead) -> Finding:
    """W.5: a month is made of the bills of clinics. A bill of another territory is checked like any file, but not settled."""
    return Finding("W.5", code="1.4.1", package=read.name, file=read.name, value=read.name)


def shown_name(package: str, digest: str) -> str:
    """The package's name where it follows the grammar, else a name made of its content.

    A name from outside may be of any length, lead out of a folder, or name a person: it goes neither into paths nor into the
    chain.
    """
    return package if names.parse_name(package) is not None else f"package-{digest[:8]}"


def _folders(package: str, month: str, digest: str, attempt: str) -> tuple[Path, Path]:
    """Folders of a package's tables and of its persons, relative to the workspace."""
    leaf = f"{shown_name(package, digest)}-{digest[:16]}-{attempt}"
    return Path("tables") / month / leaf, Path("people") / month / leaf


def _read_some(jobs: Sequence[_Job]) -> Iterator[_Read]:
    """Worker: reads files, checks them together as far as they fit into memory, writes their tables beside the published ones."""
    held: list[tuple[_Job, reader.PackageRead]] = []
    cases = 0
    for job in jobs:
        read = _read(job)
        held.append((job, read))
        cases += read.tables["z_sl"].height if read.tables else 0
        if cases >= CASES_TOGETHER:
            yield from _judged(held)
            held, cases = [], 0
    yield from _judged(held)


def _read(job: _Job) -> reader.PackageRead:
    setting, year = _SETTING["now"], _year_of(job)
    return reader.read_package(job.path, limits=setting.limits, overlays=None if year is None else setting.overlays.get(year))


def _year_of(job: _Job) -> int | None:
    """The year that the name of a file says: it tells by which agreement it is read."""
    named = names.parse_name(job.path.stem)
    return None if named is None else 2000 + named.year if named.year < 100 else named.year


def _judged(held: Sequence[tuple[_Job, reader.PackageRead]]) -> Iterator[_Read]:
    setting = _SETTING["now"]
    years = [_year_of(job) for job, _ in held]
    controls = [None if year is None else setting.control.get(year) for year in years]
    reads = [read for _, read in held]
    checked = check_packages(list(zip(reads, controls, strict=True)), setting.library, held[0][0].as_of) if held else []
    for (job, _), one in zip(held, checked, strict=True):
        yield _written(job, one)


def _written(job: _Job, checked: CheckedPackage) -> _Read:
    """Writes the tables of a package, those of persons apart; of a refused one only what was found."""
    read, found, refused, executions = checked
    if read.interterritorial is not None:
        found, refused = findings.concat([found, findings.frame([_between_territories(read)])]), True
    header = read.tables.get("file") if read.tables else None
    month = None
    cases, sumv = 0, 0
    mo = None
    if header is not None and header.height:
        row = header.row(0, named=True)
        month = _month_of(row.get("year"), row.get("month"))
        mo = row.get("code_mo")
    if read.tables:
        cases = read.tables["z_sl"].height
        sumv = int(read.tables["z_sl"]["sumv"].sum() or 0)
    name = read.parsed
    if name is not None and (month is None or refused):  # where the bill says another month, it lies where it was sent
        month = _month_of(2000 + name.year if name.year < 100 else name.year, name.month)
    tables_path, people_path = _folders(read.name, month or "unknown", read.digest, job.attempt)
    kept = {} if refused else {table: rows for table, rows in read.tables.items() if rows.height}
    for path, part in (
        (
            tables_path,
            {
                **{table: rows for table, rows in kept.items() if table not in PERSON_TABLES},
                "findings": found,
                **({"executions": executions} if executions.height else {}),
            },
        ),
        (people_path, {table: rows for table, rows in kept.items() if table in PERSON_TABLES}),
    ):
        write_tables(job.workspace / path, part, filled_only=True)
    return _Read(
        job.path,
        read.name,
        read.digest,
        month,
        mo,
        name.receiver if name is not None else None,
        name.kind if name is not None else None,
        ",".join(read.format_ids),
        refused,
        cases,
        sumv,
        found,
        tables_path,
        people_path,
    )


def _month_of(year: object, month: object) -> str | None:
    try:
        return str(Month(int(str(year)), int(str(month))))
    except ValueError:
        return None


def _reads(jobs: Sequence[_Job], setting: _Setting, threads: int) -> Iterator[_Read]:
    """The files read, in the order of `jobs`, by `threads` processes."""
    if threads <= 1 or len(jobs) < 2:
        _start_worker(setting)
        yield from _read_some(jobs)
        return
    # A forked process would inherit polars' locked threads: each worker starts afresh.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(threads, mp_context=context, initializer=_start_worker, initargs=(setting,)) as pool:
        for part in pool.map(_read_list, _shares(jobs, threads)):
            yield from part


def _read_list(jobs: Sequence[_Job]) -> list[_Read]:
    return list(_read_some(jobs))


def _shares(jobs: Sequence[_Job], threads: int) -> list[list[_Job]]:
    """Neighbours (files of one kind) in shares small enough that no process waits long for the last of another."""
    sizes = [job.path.stat().st_size for job in jobs]
    most = min(sum(sizes) / (threads * _SHARES_EACH), _MOST_SHARE)
    shares: list[list[_Job]] = [[]]
    taken = 0
    for job, size in zip(jobs, sizes, strict=True):
        if shares[-1] and taken + size > most:
            shares.append([])
            taken = 0
        shares[-1].append(job)
        taken += size
    return shares


def ingest(
    workspace: Workspace, files: Sequence[Path], as_of: date, who: str, threads: int = 1, progress: Progress | None = None,
    *, limits: Limits | None = None,
) -> list[Intake]:  # fmt: skip
    """Takes packages into the workspace (call inside `Workspace.writing`).

    Files are taken in order of package name and path, whatever the order given, so that the result never depends on it.
    Findings W.1-W.5 say why a readable package was not taken: sent before with other content, month closed, other addressee, an
    amount that is none, a bill of another territory. `limits` other than the default stand in the audit chain.
    """
    ordered = sorted(files, key=lambda path: (path.stem, str(path)))
    attempt = workspace.next_seq()
    jobs = [_Job(path, as_of, workspace.folder, f"{attempt}-{number}") for number, path in enumerate(ordered)]
    done: list[Intake] = []
    warm = sum(path.stat().st_size for path in ordered) >= _WARM_BYTES
    if warm:
        compiling.prepare()  # once, and told: the workers then only load it
    setting = _Setting(workspace.library(), overlays_of(workspace), warm, limits or Limits(), control_of(workspace))
    for read in _reads(jobs, setting, threads):
        done.append(_store(workspace, read, as_of))
        if progress is not None:
            progress(read.package, len(done), len(jobs))
    if all(one.state == "already" for one in done):  # nothing was written: the chain tells of no such intake
        return done
    payload: dict[str, object] = {
        "packages": [{"package": one.shown, "state": one.state, "month": one.month, "cases": one.cases} for one in done]
    }
    if limits is not None:
        payload["limits"] = limits.changed
    workspace.record("ingest", as_of, who, None, payload)
    return done


def overlays_of(workspace: Workspace) -> dict[int, Overlays]:
    """What the region adds to the files, by the year of its agreement: the folder `formats` of the agreement."""
    found = {}
    for year in workspace.agreement_years():
        folder, _ = workspace.agreement(year)
        overlays = load_overlays(folder / "formats", str(workspace.meta("territory")))
        if overlays.editions:
            found[year] = overlays
    return found


def control_of(workspace: Workspace) -> dict[int, Control]:
    """Options of control by the year of the agreement."""
    return {year: kept_agreement(*workspace.agreement(year)).head.control for year in workspace.agreement_years()}


def _store(workspace: Workspace, read: _Read, as_of: date) -> Intake:
    """Names a package in the transaction, or says why not.

    The content of an accepted package again changes nothing. What was refused or withdrawn before is judged anew: the package
    in its way may be withdrawn by now, the month open again, a book loaded.
    """
    known = [row for row in workspace.packages() if row.package == read.package and row.state == "accepted"]
    if any(row.digest == read.digest for row in known):
        return Intake(read.path, read.package, read.month, "already", read.cases, read.sumv_kop, read.findings, read.digest)
    refusal = _refusal(workspace, read, known)
    found = read.findings
    if refusal is not None:
        # A package that is not taken for its name, month or addressee is not judged by its content as well.
        found = findings.frame([refusal])
    refused = read.refused or refusal is not None
    month = read.month or "unknown"
    if refusal is not None:
        _keep_findings_only(workspace.folder, read.path_tables, read.path_people, found)
    original = _keep_original(workspace.folder, read)
    reasons = ",".join(sorted(found.filter(pl.col("level") == "file")["rule"].unique().to_list())) if refused else ""
    workspace.add_package(
        PackageRow(
            month,
            read.package,
            read.digest,
            "refused" if refused else "accepted",
            as_of,
            read.mo,
            read.file_kind,
            read.formats,
            read.cases,
            read.sumv_kop,
            found.height,
            reasons,
            str(read.path_tables),
            str(read.path_people),
            original,
        )
    )
    state = "refused" if refused else "accepted"
    return Intake(read.path, read.package, read.month, state, read.cases, read.sumv_kop, found, read.digest)


def _refusal(workspace: Workspace, read: _Read, known: Sequence[PackageRow]) -> Finding | None:
    """Why a package cannot be taken: its name is taken (W.1), its month closed (W.2), it is meant for another (W.3)."""
    base = Finding("W.1", package=read.package, file=read.package, code="1.4.1")
    if known:
        return replace(base, rule="W.1", params={"package": read.package})
    if read.refused:
        return None
    if read.month is not None and workspace.run(read.month) is not None:
        return replace(base, rule="W.2", params={"month": read.month})
    if read.receiver is not None and workspace.meta("role") == "fund" and read.receiver != workspace.meta("territory"):
        return replace(base, rule="W.3", value=read.receiver, params={"territory": workspace.meta("territory")})
    return None


def _keep_findings_only(folder: Path, tables_path: Path, people_path: Path, found: pl.DataFrame) -> None:
    """Leaves of a refused package nothing but what was found wrong."""
    for path in (tables_path, people_path):
        for file in (folder / path).glob("*.parquet"):
            file.unlink()
    found.write_parquet(folder / tables_path / "findings.parquet", compression="zstd", statistics=False)


def _keep_original(folder: Path, read: _Read) -> str:
    """Keeps the package as received, under the name of its content; it holds persons, so it lies under restricted/."""
    data = read.path.read_bytes()
    if sha256_bytes(data) != read.digest:
        raise RuntimeError(f"{read.path} changed while it was read")
    target = Path("restricted") / "packages" / f"{read.digest}{read.path.suffix.lower()}"
    keep_file(folder / target, data)
    return str(target)


def withdraw(workspace: Workspace, package: str, as_of: date, who: str, why: str | None) -> PackageRow:
    """Takes a package out of its month before closing. Raises WorkspaceError when it is not there or its month is closed."""
    from omsclaims.workspace import WorkspaceError

    found = [row for row in workspace.packages() if row.package == package and row.state == "accepted"]
    if not found:
        raise WorkspaceError("workspace.no_package", package=package)
    row = found[0]
    if workspace.run(row.month) is not None:
        raise WorkspaceError("workspace.closed", month=row.month)
    workspace.set_package_state(row.package, row.digest, "withdrawn")
    workspace.record("withdraw", as_of, who, why, {"package": package, "digest": row.digest, "month": row.month})
    return row


def stored_findings(workspace: Workspace, row: PackageRow) -> pl.DataFrame:
    """What was found when the package was taken in."""
    return read_tables(workspace.folder / row.path)["findings"]
