"""How do the cases of a month become packages? Numbers in the files, tables of the exchange formats, ZIP packages, bad packages.

The made-up cases become canonical tables, and the writer of the registry room makes the files. What no table can hold - dates
that do
not exist, unknown elements - goes through the writer's lists of exceptions and extra elements.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from omsclaims.registry.formats import EXCEPTIONS, EXTRA, Format, find_format, get, overlaid
from omsclaims.registry.names import parse_name
from omsclaims.registry.writer import write_package, write_xml
from omsclaims.synthetic import catalogue, deal
from omsclaims.synthetic.care import OF_CASE, SMALL, Plan, Tables
from omsclaims.synthetic.people import People
from omsclaims.synthetic.planting import Tree

#: How hard packages are pressed: time matters more here than size.
_LEVEL: Final = 4
#: A day on which no run of the territory has come yet.
_NOT_YET: Final = date(2022, 12, 1)
#: Tables that are made of others.
_DERIVED: Final = ("onk_lek_pr", "date_inj", "med_dev", *OF_CASE, "sank_sl_id", "code_exp")


@dataclass
class MonthFiles:
    """A month ready to be written: numbered cases and canonical tables by package."""

    plan: Plan
    z: pl.DataFrame  # with n_zap
    main: dict[str, dict[str, pl.DataFrame]]  # package -> canonical tables
    persons: dict[str, dict[str, pl.DataFrame]]
    planted: frozenset[int] = frozenset()  # cases with a planted finding
    own: frozenset[str] = frozenset()  # packages that a defect has made for itself


def numbered(tables: Tables, trees: Iterable[Tree]) -> Tables:
    """Z sorted by package and case, with N_ZAP and IDCASE; `repeats` of trees take the number of the case before."""
    z = tables["z"].sort("package", "case").with_columns(n_zap=pl.int_range(1, pl.len() + 1).over("package").cast(pl.Int64))
    z = z.with_columns(idcase=1_000_000 + pl.col("n_zap") * 3)
    for column in ("n_zap", "idcase"):
        cases = [tree.case for tree in trees if tree.repeats == column]
        if cases:
            before = pl.col(column).shift(1).over("package")
            z = z.with_columns(
                pl.when(pl.col("case").is_in(cases)).then(pl.coalesce(before, column)).otherwise(column).alias(column)
            )
    return {**tables, "z": z}


def edition_of(package: str, month: str) -> Format:
    """The edition that a clinic sends: H 3.1 from those that were slow to change."""
    name = parse_name(package)
    assert name is not None, package
    old = name.kind != "H" or name.sender in catalogue.OLD_VERSION.get(month, ())
    edition = find_format(name.kind, "3.1" if old else "3.2", month).format
    return _overlaid(edition.id) if edition.id in deal.OVERLAYS else edition


@cache
def _overlaid(edition: str) -> Format:
    """An edition with what the territory adds to it."""
    return overlaid(get(edition), csv.DictReader(deal.OVERLAYS[edition]))


def prepare(
    plan: Plan, tables: Tables, trees: list[Tree], people: People, spare: list[tuple[str, int]],
    headers: dict[str, dict[str, Any]]
) -> MonthFiles:  # fmt: skip
    """Canonical tables of all packages of a month. `tables` are numbered; `headers`: what headers of packages say instead."""
    z = tables["z"].with_columns(zap_row=pl.int_range(pl.len()).over("package").cast(pl.Int64))
    place = z.select("case", "package", "zap_row")
    sl = _placed(tables["sl"], place, "sl_no")
    usl = _under_sl(tables["usl"], sl, "usl_no")
    small = {name: _under_sl(tables[name], sl, *list(SMALL[name])[2:3]) for name in SMALL}
    marks = _marks(trees, place, sl, usl)
    persons = _persons(z, trees, people, spare)
    whole = {"z": z, "sl": sl, "usl": usl, **small, **_oncology(small["onk_usl"]), **marks}
    whole |= {"med_dev": _devices(usl, trees), **_sanctions(tables["sank"], place)}
    parts = {name: _by_package(table) for name, table in whole.items()}
    person_parts = _by_package(persons)
    packages = sorted(z["package"].unique().to_list())
    main = {
        package: _canonical(
            package, {name: part[package] for name, part in parts.items() if package in part}, plan, headers.get(package, {})
        )
        for package in packages
    }
    files = {package: _person_tables(package, person_parts[package], plan) for package in packages}
    return MonthFiles(plan, z, main, files, own=frozenset(headers))


def _placed(table: pl.DataFrame, place: pl.DataFrame, *order: str) -> pl.DataFrame:
    """Rows under Z_SL with their package; _row numbered through in it."""
    joined = table.join(place, on="case", how="inner").rename({"zap_row": "_parent"}).sort("package", "_parent", *order)
    return joined.with_columns(_row=pl.int_range(pl.len()).over("package").cast(pl.Int64))


def _under_sl(table: pl.DataFrame, sl: pl.DataFrame, *order: str) -> pl.DataFrame:
    """Rows under SL with their package; _row numbered through in it."""
    above = sl.select("case", "sl_no", "package", pl.col("_row").alias("_parent"))
    joined = table.join(above, on=["case", "sl_no"], how="inner").sort("package", "_parent", *order)
    return joined.with_columns(_row=pl.int_range(pl.len()).over("package").cast(pl.Int64))


def _by_package(table: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(key[0]): part for key, part in table.partition_by("package", as_dict=True).items()}


def _oncology(onk_usl: pl.DataFrame) -> Tables:
    """Drugs and days of injection of treatments that have a drug."""
    drugs = onk_usl.filter(pl.col("code_sh").is_not_null())
    lek = drugs.select("package", pl.col("_row").alias("_parent"), "code_sh", "regnum", "date_inj").with_columns(
        _row=pl.int_range(pl.len()).over("package").cast(pl.Int64)
    )
    inj = lek.select("package", "date_inj", pl.col("_row").alias("_parent"), "_row").drop_nulls("date_inj")
    return {"onk_lek_pr": lek.drop("date_inj"), "date_inj": inj}


def _devices(usl: pl.DataFrame, trees: list[Tree]) -> pl.DataFrame:
    """The device of each service that implants one, put in on the first day."""
    silent = [tree.case for tree in trees if tree.no_device]
    services = usl.filter(pl.col("code_usl").is_in(list(catalogue.IMPLANTS)) & ~pl.col("case").is_in(silent))
    return services.select(
        "package", pl.col("_row").alias("_parent"), date_med="date_in", code_meddev=pl.lit(catalogue.DEVICE, dtype=pl.Int64),
        number_ser=pl.format("SN-{}", "case"),
    ).with_columns(_row=pl.int_range(pl.len()).over("package").cast(pl.Int64))  # fmt: skip


def _sanctions(sank: pl.DataFrame, place: pl.DataFrame) -> Tables:
    """SANK below Z_SL, with the sub-case and the expert that stand in tables of their own."""
    placed = sank.join(place, on="case", how="inner").rename({"zap_row": "_parent"}).sort("package", "_parent", "s_code")
    rows = placed.with_columns(_row=pl.int_range(pl.len()).over("package").cast(pl.Int64))
    found = {"sank": rows.drop("sl_id", "code_exp")}
    for table, column in (("sank_sl_id", "sl_id"), ("code_exp", "code_exp")):
        below = rows.drop_nulls(column).select("package", column, pl.col("_row").alias("_parent"))
        found[table] = below.with_columns(_row=pl.int_range(pl.len()).over("package").cast(pl.Int64))
    return found


def _marks(trees: list[Tree], place: pl.DataFrame, sl: pl.DataFrame, usl: pl.DataFrame) -> Tables:
    """Exceptions and extra elements of trees, by the rows of their tables."""
    row_of = {
        "sl": {(c, n): (p, r) for c, n, p, r in sl.select("case", "sl_no", "package", "_row").iter_rows()},
        "usl": {(c, n, u): (p, r) for c, n, u, p, r in usl.select("case", "sl_no", "usl_no", "package", "_row").iter_rows()},
    } if any(tree.exceptions or tree.extra for tree in trees) else {}  # fmt: skip
    exceptions, extra = [], []
    for tree in trees:
        for table, sl_no, usl_no, column, raw, kind in tree.exceptions:
            key: tuple[int, ...] = (tree.case, sl_no) if table == "sl" else (tree.case, sl_no, usl_no)
            package, row = row_of[table][key]  # type: ignore[index]
            exceptions.append((package, table, row, column, raw, kind))
        for table, sl_no, path, after, text in tree.extra:
            package, row = row_of[table][(tree.case, sl_no)]  # type: ignore[index]
            extra.append((package, table, row, path, after, text, None, None))
    return {
        "exceptions": pl.DataFrame(exceptions, schema={"package": pl.String(), **EXCEPTIONS}, orient="row"),
        "extra": pl.DataFrame(extra, schema={"package": pl.String(), **EXTRA}, orient="row"),
    }


# ---- persons ---------------------------------------------------------------------------------------------------------------

_PERSON_COLUMNS: Final = (
    "fam", "im", "ot", "w", "dr", "fam_p", "im_p", "ot_p", "w_p", "dr_p", "doctype", "docser", "docnum", "docdate", "docorg",
)  # fmt: skip
_PERSON_SCHEMA: Final[dict[str, Any]] = {
    "package": pl.String(), "id_pac": pl.String(),
    **{name: pl.Int64() if name in ("w", "w_p") else pl.Date() if name in ("dr", "dr_p",
    "docdate") else pl.String() for name in _PERSON_COLUMNS},
}  # fmt: skip


def _persons(z: pl.DataFrame, trees: list[Tree], people: People, spare: list[tuple[str, int]]) -> pl.DataFrame:
    """PERS rows of all packages: one for each ID_PAC, those of trees with what differs, and persons that no case needs."""
    edits = {tree.z["id_pac"]: tree.person for tree in trees if tree.person is not None}
    lost = {tree.z["id_pac"] for tree in trees if tree.lost_person}
    named = z.select("package", "id_pac", "person", "vpolis", "novor", "child_w", "child_dr").unique(
        ["package", "id_pac"], keep="first", maintain_order=True
    )
    rows = []
    for package, id_pac, person, vpolis, _, child_w, child_dr in named.sort("package", "id_pac").iter_rows():
        if id_pac not in lost:
            row = _person(people, person, vpolis, child_w, child_dr)
            rows.append((package, id_pac, *_edited(row, edits.get(id_pac), people, person)))
    for number, (package, person) in enumerate(spare):
        rows.append((package, f"Z{number:08d}", *_person(people, person, 3, None, None)))
    return pl.DataFrame(rows, schema=_PERSON_SCHEMA, orient="row").sort("package", "id_pac").with_columns(
        _row=pl.int_range(pl.len()).over("package").cast(pl.Int64), _parent=pl.lit(0, dtype=pl.Int64)
    )  # fmt: skip


def _person(people: People, person: int, vpolis: int, child_w: int | None, child_dr: date | None) -> tuple[Any, ...]:
    """Values of _PERSON_COLUMNS; a newborn has no name yet, the mother stands as its representative."""
    born: date = people.born[person].astype(object)
    sex, fio = int(people.sex[person]), people.fio(person)
    document = _document(person, born) if vpolis != 3 else (None,) * 5
    if child_dr is not None:
        return (None, None, None, child_w, child_dr, *fio, sex, born, *document)
    return (*fio, sex, born, None, None, None, None, None, *document)


def _document(person: int, born: date) -> tuple[str, str, str, date, str]:
    """A passport, or a birth certificate of a child."""
    if born.year > 2007:
        return (
            "3",
            "I-СП",
            f"{100_000 + person % 900_000}",
            date(max(born.year, 2008), 12, 1) if born.year < 2021 else born,
            "отдел ЗАГС",
        )
    return "14", f"76 {10 + person % 12:02d}", f"{100_000 + person % 900_000}", date(2012, 5, 17), "отдел УФМС"


def _edited(row: tuple[Any, ...], edits: dict[str, Any] | None, people: People, person: int) -> tuple[Any, ...]:
    if not edits:
        return row
    values = dict(zip(_PERSON_COLUMNS, row, strict=True))
    given = dict(edits)
    if given.pop("document", False):
        names = ("doctype", "docser", "docnum", "docdate", "docorg")
        values.update(zip(names, _document(person, people.born[person].astype(object)), strict=True))
    values.update(given)
    return tuple(values[name] for name in _PERSON_COLUMNS)


# ---- canonical tables ------------------------------------------------------------------------------------------------------


def _canonical(
    package: str, parts: dict[str, pl.DataFrame], plan: Plan, header: dict[str, Any]
) -> dict[str, pl.DataFrame]:  # fmt: skip
    """Tables of one main file as the writer wants them; `header`: what its header says instead."""
    edition = edition_of(package, str(plan.month))
    z = parts["z"].with_columns(_row=pl.col("zap_row"), _parent=pl.col("zap_row"))
    in_npolis = "ZAP/PACIENT/ENP" not in edition.by_path
    if in_npolis:
        z = z.with_columns(npolis=pl.coalesce("enp", "npolis"), enp=pl.lit(None, dtype=pl.String))
    usl = parts["usl"]
    tables = {
        "file": _header(package, z, plan, edition.version).with_columns(
            pl.lit(value(z) if callable(value) else value).alias(name) for name, value in header.items()
        ),
        "zap": z.select(
            "_row", pl.lit(0, dtype=pl.Int64).alias("_parent"), "n_zap", pl.col("pr_nov").fill_null(0), "nschet_p", "n_zap_p"
        ),
        "patient": z, "z_sl": z, "sl": parts["sl"], "usl": usl,
    }  # fmt: skip
    if "ZAP/Z_SL/SL/USL/MR_USL_N" in edition.by_path:
        tables["mr_usl_n"] = usl.select(
            "_row", pl.col("_row").alias("_parent"), pl.lit(1, dtype=pl.Int64).alias("mr_n"), "prvs", "code_md"
        )
    known = {field.table for field in edition.fields}
    others = [name for name in (*SMALL, *_DERIVED) if name in parts and name in known]
    tables |= {name: parts[name] for name in others}
    tables |= {str(name): parts[name].drop("package") for name in ("exceptions", "extra") if name in parts}
    return tables


def _header(package: str, z: pl.DataFrame, plan: Plan, version: str) -> pl.DataFrame:
    name = parse_name(package)
    assert name is not None, package
    kinds = ["H", "C", "T", "DP", "DO", "DV"]
    return pl.DataFrame(
        {
            "_row": [0], "_parent": [0], "version": [version], "data": [plan.data(name.sender)], "filename": [package],
            "sd_z": [z.height],
            "code": [plan.month.month * 1_000 + kinds.index(name.letters) * 100 + int(name.number)], "code_mo": [name.sender],
            "year": [plan.month.year], "month": [plan.month.month],
            "nschet": [f"{name.letters}-{plan.month.month:02d}-{int(name.number)}"],
            "dschet": [plan.dschet(name.sender)], "plat": [None], "summav": [int(z["sumv"].sum())],
        }
    )  # fmt: skip


def _person_tables(package: str, persons: pl.DataFrame, plan: Plan) -> dict[str, pl.DataFrame]:
    name = parse_name(package)
    assert name is not None, package
    header = pl.DataFrame(
        {
            "_row": [0], "_parent": [0], "version": ["3.2"], "data": [plan.data(name.sender)], "filename": [name.person_stem],
            "filename1": [package],
        }
    )  # fmt: skip
    return {"person_file": header, "person": persons}


def write_month(folder: Path, files: MonthFiles, step: Callable[[str], None]) -> None:
    """All packages of a month into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    month = str(files.plan.month)
    person_edition = find_format("L", "3.2", month).format
    for package, tables in files.main.items():
        write_package(
            folder / f"{package}.zip", tables, edition_of(package, month), files.persons[package], person_edition, level=_LEVEL
        )
        step(package)


# ---- packages that are refused whole ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BadPackage:
    """A package that must be refused: its name, the finding, the month that it counts for."""

    package: str
    month: str
    rule: str
    code: str
    element: str
    note: str
    n_zap: int | None = None  # where the finding is about a case
    idcase: int | None = None


def write_bad_packages(folder: Path, files: MonthFiles) -> list[BadPackage]:
    """Small packages with the next numbers, each bad in one way, and one accepted package sent again with other content."""
    month = str(files.plan.month)
    found = []
    donors = [one for one in files.main if one.startswith("HM75090") and _clean(files, one) and one not in files.own]
    for number, (way, clinic) in enumerate(zip(_WAYS, _cycle(donors, len(_WAYS)), strict=True)):
        package = f"{clinic[:-2]}{2 + number // len(donors):02d}"
        main, persons = _small(files, clinic, package)
        edition = edition_of(package, month)
        person_edition = find_format("L", "3.2", month).format
        bad = way(package, month, main)
        content = write_xml(main, edition)
        members = [(f"{package}.xml", content), (f"{parse_name(package).person_stem}.xml", write_xml(persons, person_edition))]  # type: ignore[union-attr]
        _write_zip(folder / f"{package}.zip", _spoil(bad.rule, members))
        found.append(bad)
    found.append(_sent_again(folder, files, month))
    return found


def _cycle(names: list[str], count: int) -> list[str]:
    return [names[i % len(names)] for i in range(count)]


def _wrong_summav(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    main["file"] = main["file"].with_columns(summav=pl.col("summav") + 100)
    return BadPackage(package, month, "S.916", "1.4.2", "SCHET/SUMMAV", "SUMMAV is 1.00 more than the cases add up to")


def _wrong_sd_z(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    main["file"] = main["file"].with_columns(sd_z=pl.col("sd_z") + 1)
    return BadPackage(package, month, "S.915", "1.4.1", "ZGLV/SD_Z", "SD_Z names one case more than there are")


def _bill_after_file(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    main["file"] = main["file"].with_columns(dschet=pl.col("data").dt.offset_by("1d"))
    return BadPackage(package, month, "C084", "1.4.1", "SCHET/DSCHET", "the bill is dated the day after the file")


def _from_the_future(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    main["file"] = main["file"].with_columns(data=pl.lit(_NOT_YET))
    return BadPackage(package, month, "C085", "1.4.1", "ZGLV/DATA", "the file is dated later than the day on which it comes in")


def _broken_xml(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    return BadPackage(package, month, "S.807", "1.4.1", "", "the main file breaks off in the middle")


def _no_persons(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    return BadPackage(package, month, "S.803", "1.4.1", "", "the file of persons is missing")


def _doctype(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    return BadPackage(package, month, "S.806", "1.4.1", "", "the main file declares a document type")


def _other_month(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    # A later month: no date of the cases contradicts it, so that the name is all that is wrong.
    main["file"] = main["file"].with_columns(month=pl.col("month") + 1)
    return BadPackage(package, month, "S.810", "1.4.1", "SCHET/MONTH", "the bill says the next month, the name this one")


def _empty_zip(package: str, month: str, main: dict[str, pl.DataFrame]) -> BadPackage:
    return BadPackage(package, month, "S.801", "1.4.1", "", "a file of no bytes")


_WAYS: Final = (
    _wrong_summav, _wrong_sd_z, _broken_xml, _no_persons, _doctype, _other_month, _empty_zip, _bill_after_file, _from_the_future,
)  # fmt: skip


def _spoil(rule: str, members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """What no table can say: done to the bytes."""
    (name, content), person = members
    if rule == "S.807":
        return [(name, content[: len(content) * 2 // 3]), person]
    if rule == "S.806":
        head, _, body = content.partition(b"\n")
        return [(name, head + b'\n<!DOCTYPE ZL_LIST [<!ENTITY a "b">]>\n' + body), person]
    if rule == "S.801":
        return []
    return [(name, content)] if rule == "S.803" else members


def _small(files: MonthFiles, donor: str, package: str, keep: int = 3) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """The first clean cases of a package as a package of their own."""
    clean = files.main[donor]["z_sl"].filter(~pl.col("case").is_in(sorted(files.planted)))
    return cut_package(files, donor, package, clean.head(keep))


def cut_package(
    files: MonthFiles, donor: str, package: str, z: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
    """Some cases (rows of z_sl) of a package as a package of their own: its tables, those of the file of persons."""
    month = str(files.plan.month)
    tables = {name: table for name, table in files.main[donor].items() if name not in ("exceptions", "extra")}
    rows = z["_row"].implode()
    cut = {"zap": tables["zap"].filter(pl.col("_row").is_in(rows)), "patient": z, "z_sl": z}
    cut["sl"] = tables["sl"].filter(pl.col("_parent").is_in(rows))
    parents = {"sl": cut["sl"]["_row"].implode()}
    for name in ("usl", "mr_usl_n", "med_dev", *SMALL, "onk_lek_pr", "date_inj"):
        if name in tables:
            above = {"mr_usl_n": "usl", "med_dev": "usl", "onk_lek_pr": "onk_usl", "date_inj": "onk_lek_pr"}.get(name, "sl")
            cut[name] = tables[name].filter(pl.col("_parent").is_in(parents[above]))
            parents[name] = cut[name]["_row"].implode()
    cut["file"] = _header(package, z, files.plan, edition_of(package, month).version)
    persons = files.persons[donor]["person"].filter(pl.col("id_pac").is_in(z["id_pac"].implode()))
    return cut, _person_tables(package, persons, files.plan)


def _clean(files: MonthFiles, package: str) -> int:
    """How many cases of a package nothing was planted in."""
    return files.main[package]["z_sl"].filter(~pl.col("case").is_in(sorted(files.planted))).height


def _sent_again(folder: Path, files: MonthFiles, month: str) -> BadPackage:
    """The smallest accepted package once more, with one case left out, in a folder of its own."""
    sizes = {package: _clean(files, package) for package in files.main if package not in files.own}
    package = min((package for package in sizes if sizes[package] >= 2), key=lambda package: (sizes[package], package))
    main, persons = _small(files, package, package, sizes[package] - 1)
    (folder / "sent_again").mkdir(exist_ok=True)
    write_package(
        folder / "sent_again" / f"{package}.zip", main, edition_of(package, month), persons, find_format("L", "3.2", month).format
    )
    return BadPackage(package, month, "W.1", "1.4.1", "", "the name of an accepted package with other content")


def _write_zip(path: Path, members: list[tuple[str, bytes]]) -> None:
    """A ZIP with fixed dates; no members: a file of no bytes."""
    if not members:
        path.write_bytes(b"")
        return
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as opened:
        for name, content in members:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            opened.writestr(entry, content)
    path.write_bytes(target.getvalue())
