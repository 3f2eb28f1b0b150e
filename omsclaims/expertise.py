"""How do samples, acts and appeals get into a workspace? Loads, calls the stages of `settlement.expertise`, stores (law.md 10).

The stages are pure functions; here is what they cannot do: find the closed month, read and write tables, record events in the
audit chain. Whoever calls is inside `Workspace.writing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl

from omsclaims import closing, contract, intake
from omsclaims import expertise_store as store
from omsclaims.intake import NOT_OF_THE_REGISTRY
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.registry import expertise_file, formats, writer
from omsclaims.reports import answers
from omsclaims.reports import expertise as papers
from omsclaims.settlement.expertise import acts as acts_room
from omsclaims.settlement.expertise import appeals as appeals_room
from omsclaims.settlement.expertise import sampling
from omsclaims.settlement.expertise.sampling import Draw
from omsclaims.workspace import PackageRow, Workspace, WorkspaceError, sha256_file, table_digest


@dataclass(frozen=True)
class Drawn:
    """What became of a sample: its rows and strata, findings, whether it is new, the same again, or drawn anew.

    sources  values of the law (`law:<name>@<since>`) that the draw and the month it was drawn from stand on
    """

    sample: str
    outcome: Literal["stored", "identical", "replaced"]
    digest: str
    rows: pl.DataFrame
    strata: pl.DataFrame
    findings: pl.DataFrame
    sources: tuple[str, ...] = ()


def draw(workspace: Workspace, of: Month, wanted: Draw, as_of: date, who: str, asked: Iterable[str] = ()) -> Drawn:
    """Draws a sample from a closed month and keeps it; the same draw again changes nothing.

    A draw that comes out otherwise than the stored one of the same name (the month was opened again and closed otherwise)
    replaces it, and the audit chain keeps both digests. `asked`: sources that `wanted` was chosen by. Raises WorkspaceError
    `workspace.not_closed`, `expertise.no_insurer`.
    """
    tables = store.sample_tables(workspace, of)
    if wanted.insurer is not None and wanted.insurer not in set(tables["cases"]["payer"].to_list()):
        raise WorkspaceError("expertise.no_insurer", insurer=wanted.insurer, month=of)
    context, _ = closing.load_context(workspace, of, as_of)
    made = sampling.sample(tables, context, wanted)
    sources = tuple(sorted({*asked, *(context.law.asked or ()), *closing.parameters_of(workspace, [str(of)])}))
    rows, strata = made["expertise_sample"], made["expertise_strata"]
    name = wanted.sample_id(str(of))
    digest = table_digest(pl.concat([rows.select("list", "package", "n_zap", "idcase", "place", "because", "s_tip")]))
    known = {part: store.kept(workspace, part) for part in ("expertise_sample", "expertise_strata")}
    old_rows, old_strata = (known[part].filter(pl.col("sample") == name) for part in known)
    same = table_digest(old_rows) == table_digest(rows) and table_digest(old_strata) == table_digest(strata)
    if old_strata.height and same:
        return Drawn(name, "identical", digest, rows, strata, made["findings"], sources)
    for part, fresh in (("expertise_sample", rows), ("expertise_strata", strata)):
        store.keep(workspace, part, pl.concat([known[part].filter(pl.col("sample") != name), fresh]), as_of)
    counts = {str(found): int(count) for found, count in rows.group_by("list").len().sort("list").iter_rows()}
    payload = {"sample": name, "month": str(of), "kind": wanted.kind, "seed": wanted.seed, "insurer": wanted.insurer,
               "within": wanted.within, "digest": digest, "cases": counts,
               "parameters": list(sources)}  # fmt: skip
    workspace.record("expertise sample", as_of, who, None, payload)
    return Drawn(name, "replaced" if old_strata.height else "stored", digest, rows, strata, made["findings"], sources)


# ---- acts ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loaded:
    """What became of one file of acts: outcome of each act, rows that went in, findings, values of the law asked for so far."""

    path: Path
    outcomes: dict[tuple[str, str], str]
    rows: pl.DataFrame
    findings: pl.DataFrame
    sources: tuple[str, ...] = ()


def load_acts(workspace: Workspace, paths: Iterable[Path], as_of: date, who: str) -> list[Loaded]:
    """Takes acts of expertise into the workspace, file by file in the order of their names.

    The good acts of a file go in, the bad ones are named and stay out; a file that cannot be read changes nothing. Which month
    takes an act is decided now: that of its date, or the first one after the last closed month.
    """
    rules = _rules(workspace, as_of)
    done = []
    for path in sorted(paths, key=lambda one: (one.name, str(one))):
        read = expertise_file.read(path)
        kept = store.kept(workspace, "expertise_acts")
        tables = {**_named_cases(workspace, read.rows, rules.closed), "expertise_acts": kept}
        accepted = acts_room.accept(read.rows, tables, rules, path.name)
        if accepted.rows.height:
            store.keep(workspace, "expertise_acts", pl.concat([kept, accepted.rows]), as_of)
        found = pl.concat([read.findings, accepted.findings])
        done.append(Loaded(path, accepted.outcomes, accepted.rows, found, tuple(sorted(rules.law.asked or ()))))
        workspace.record("expertise load", as_of, who, None, _told(path, accepted))
    return done


def _rules(workspace: Workspace, as_of: date) -> acts_room.Rules:
    """What acts are held against: the books known on the day, the law, which months are closed."""
    books = workspace.library().books(Month(as_of.year, as_of.month), as_of)
    return acts_room.Rules(books, federal_parameters().noting(), as_of, workspace.meta("territory"), workspace.closed_months())


def _named_cases(workspace: Workspace, raw: pl.DataFrame, closed: Iterable[str]) -> dict[str, pl.DataFrame]:
    """Cases of the clinics and closed months that raw rows name, and the sub-cases of them where any is named."""
    said = {f"{year}-{month:02d}" for year, month in raw.select("year", "bill_month").drop_nulls().iter_rows()}
    clinics = raw["mo"].drop_nulls().unique().to_list()
    months = sorted(said & set(closed))
    empty = {"month": pl.String, "case_key": pl.Int64, "sl_id": pl.String}
    views = {month: store.closed_view(workspace, month).filter(pl.col("mo").is_in(clinics)) for month in months}
    sl = [pl.DataFrame(schema=empty)]
    if raw["sl_id"].drop_nulls().len():
        for month, view in views.items():
            sl.append(store.sub_cases(workspace, month, view).select(pl.lit(month).alias("month"), "case_key", "sl_id"))
    cases = pl.concat(views.values()) if views else store.no_cases()
    return {"cases": cases, "sl": pl.concat(sl)}


def _told(path: Path, accepted: acts_room.Accepted) -> dict[str, object]:
    """What the audit chain keeps of a file: its content, and what became of which act. Names of files may hold anything."""
    told = {state: sorted("/".join(act) for act, outcome in accepted.outcomes.items() if outcome == state) for state in OUTCOMES}
    return {"file": sha256_file(path), "rows": table_digest(accepted.rows), **told}


OUTCOMES = ("accepted", "already", "refused")


def raw_acts(workspace: Workspace, acts: pl.DataFrame) -> pl.DataFrame:
    """Kept acts as rows of an exchange file (`expertise_file.RAW`), in the order in which they came in."""
    views = [store.closed_view(workspace, month) for month in sorted(acts["month"].unique().to_list())]
    cases = pl.concat(views) if views else store.no_cases()
    bills = cases.select(*store.CASE, "nschet", "dschet").unique(store.CASE, keep="first", maintain_order=True)
    joined = acts.sort("seq").join(bills, on=store.CASE, how="left", nulls_equal=True, maintain_order="left")
    made = joined.with_columns(
        row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64), year=pl.col("month").str.head(4).cast(pl.Int64),
        bill_month=pl.col("month").str.tail(2).cast(pl.Int64), s_ist=pl.lit(1, dtype=pl.Int64),
    )  # fmt: skip
    return made.select(
        pl.col(name) if name in made.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in expertise_file.RAW.items()
    )


def acts_of(workspace: Workspace, month: str | None) -> pl.DataFrame:
    """Kept acts whose date lies in a month, or all."""
    kept = store.kept(workspace, "expertise_acts")
    return kept if month is None else kept.filter(pl.col("date_act").dt.strftime("%Y-%m") == month)


def sample_of(workspace: Workspace, sample: str) -> pl.DataFrame:
    """The stored cases of a sample. Raises WorkspaceError `expertise.no_sample` naming those that there are."""
    kept = store.kept(workspace, "expertise_sample")
    found = kept.filter(pl.col("sample") == sample)
    if found.is_empty():
        known = ", ".join(store.kept(workspace, "expertise_strata")["sample"].unique().sort().to_list()) or "-"
        raise WorkspaceError("expertise.no_sample", sample=sample, known=known)
    return found


def sources_of_sample(workspace: Workspace, sample: str) -> list[str]:
    """Values of the law that a stored sample stands on, as the audit chain keeps them; [] for one of an older program."""
    for (text,) in workspace.rows("SELECT payload FROM chain WHERE kind = 'expertise sample' ORDER BY seq DESC"):
        payload = json.loads(text)
        if payload["sample"] == sample:
            return list(payload.get("parameters", ()))
    return []


def sample_as_raw(workspace: Workspace, rows: pl.DataFrame) -> pl.DataFrame:
    """Cases of a sample as rows of a template: bill, record, case, kind of control; act, ground, expert are left to fill in."""
    wanted = rows.unique(store.CASE, keep="first", maintain_order=True).with_columns(date_act=pl.lit(None, dtype=pl.Date))
    columns = contract.TABLES["expertise_acts"].schema()
    like_acts = wanted.with_row_index("seq").with_columns(pl.col("seq").cast(pl.Int64))
    acts = like_acts.select(
        pl.col(name) if name in like_acts.columns else pl.lit(None, dtype=kind).alias(name) for name, kind in columns.items()
    )
    return raw_acts(workspace, acts)


# ---- appeals ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Claimed:
    """What became of one file of claims: rows by outcome (taken, already, refused), findings, values of the law asked for."""

    path: Path
    outcomes: dict[str, int]
    findings: pl.DataFrame
    sources: tuple[str, ...] = ()


def load_claims(workspace: Workspace, paths: Iterable[Path], as_of: date, who: str) -> list[Claimed]:
    """Takes claims of clinics and decisions on them (CSV with the columns of `appeals.RAW`), file by file in order of name.

    A decision for the clinic becomes an act of repeated expertise and is posted in its month.
    """
    rules = _rules(workspace, as_of)
    done = []
    for path in sorted(paths, key=lambda one: (one.name, str(one))):
        raw = read_claims(path)
        acts, appeals = (store.kept(workspace, name) for name in ("expertise_acts", "expertise_appeals"))
        named = acts.join(raw.select("num_act").drop_nulls().unique(), on="num_act", how="semi")
        tables = {
            "expertise_acts": acts, "expertise_appeals": appeals,
            "expertise_cases": store.cases_of(workspace, named.select(store.CASE).unique()),
            "reg_receipt": workspace.register("reg_receipt"),
        }  # fmt: skip
        made = appeals_room.register(raw, tables, rules, path.name)
        if table_digest(made.appeals) != table_digest(appeals):
            store.keep(workspace, "expertise_appeals", made.appeals, as_of)
        if made.acts.height:
            store.keep(workspace, "expertise_acts", pl.concat([acts, made.acts]), as_of)
        payload: dict[str, object] = {"file": sha256_file(path), "rows": made.outcomes, "acts": table_digest(made.acts)}
        workspace.record("expertise appeal", as_of, who, None, payload)
        done.append(Claimed(path, made.outcomes, made.findings, tuple(sorted(rules.law.asked or ()))))
    return done


def read_claims(path: Path) -> pl.DataFrame:
    """A CSV of claims; a cell that is no number or date is an error of usage. Raises WorkspaceError `expertise.claims.*`."""
    try:
        raw = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise WorkspaceError("expertise.claims.unreadable", file=path, reason=str(error).split("\n")[0]) from error
    missing = [name for name in appeals_room.MUST if name not in raw.columns]
    if missing:
        raise WorkspaceError("expertise.claims.columns", file=path, columns=", ".join(missing))
    typed = {}
    for name, kind in appeals_room.RAW.items():
        text = pl.col(name).str.strip_chars() if name in raw.columns else pl.lit(None, dtype=pl.String)
        said = pl.when(text != "").then(text)
        typed[name] = said.str.to_date("%Y-%m-%d", strict=False) if kind == pl.Date() else said.cast(kind, strict=False)
    table = raw.select(**typed)
    for name in table.columns:
        if name in raw.columns:
            lost = table[name].is_null() & (raw[name].str.strip_chars().fill_null("") != "")
            if lost.any():
                row = int(lost.arg_true()[0])
                raise WorkspaceError("expertise.claims.cell", file=path, row=row + 1, column=name, value=raw[name][row])
    return table


def appeals_of(workspace: Workspace) -> pl.DataFrame:
    """All appeals, in the order in which they came in."""
    return store.kept(workspace, "expertise_appeals").sort("seq")


# ---- results ---------------------------------------------------------------------------------------------------------------


def deductions_of(workspace: Workspace, of: Month) -> pl.DataFrame:
    """Deductions that the settlement of a closed month made. Raises WorkspaceError `workspace.not_closed`."""
    if workspace.run(str(of)) is None:
        raise WorkspaceError("workspace.not_closed", month=of)
    return store.run_table(workspace, str(of), "deductions")


def write_results(workspace: Workspace, of: Month, folder: Path) -> list[Path]:
    """Registries of all packages that the expertise of a month touched, with the sanctions of all kinds as they stand after it.

    They hold persons (the file of patients goes back with the registry): the folder is made private.
    """
    touched = deductions_of(workspace, of)
    months = [name for name in workspace.closed_months() if name <= str(of)]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = []
    for month in sorted(touched["month"].unique().to_list()):
        packages = touched.filter(pl.col("month") == month)["package"].unique().to_list()
        cases = workspace.run_table(month, "cases_view").filter(pl.col("package").is_in(packages))
        newest = store.deductions_before(
            workspace, months, cases.select(pl.lit(month).alias("month"), "package", "n_zap", "idcase")
        )
        tables = {name: workspace.run_table(month, name) for name in ("decisions", "sanctions")}
        for row in workspace.packages(month):
            if row.state == "accepted" and row.package in packages:
                own = cases.filter(pl.col("package") == row.package)
                path = folder / f"{answers.answer_name(row.package)}.zip"
                _write_result(workspace, row, path, own, tables, newest.filter(pl.col("package") == row.package))
                made.append(path)
    return made


def _write_result(
    workspace: Workspace,
    row: PackageRow,
    path: Path,
    cases: pl.DataFrame,
    tables: dict[str, pl.DataFrame],
    deductions: pl.DataFrame,
) -> None:
    """One registry with its sanctions."""
    keys = cases.select("case_key")
    found = workspace.package_tables(row)
    for name in NOT_OF_THE_REGISTRY:
        found.pop(name, None)
    full = {name: found.get(name, formats.empty_table(name, "main")) for name in formats.canonical_tables()}
    kept = {name: table for name, table in found.items() if name not in full}
    own = {name: table.join(keys, on="case_key", how="semi", maintain_order="left") for name, table in tables.items()}
    result, edition = papers.result_tables({**full, **kept}, cases, own["decisions"], own["sanctions"], deductions)
    overlays = intake.overlays_of(workspace).get(int(row.month[:4]), formats.Overlays("", {}))
    people, person_edition = None, None
    _, *read_by = row.formats.split(",")
    if read_by:
        tables_of_persons = {name: found.get(name, formats.empty_table(name, "person")) for name in PERSON_TABLES}
        tables_of_persons |= {name: found[name] for name in ("exceptions", "extra") if name in found}
        people = answers.answer_person_tables(tables_of_persons, row.package)
        person_edition = overlays.over(formats.result_format_of(formats.get(read_by[0].partition("+")[0])))
    writer.write_package(path, result, overlays.over(formats.get(edition)), people, person_edition, level=1)
    path.chmod(0o600)


#: Tables of the file of persons, which goes back with the registry.
PERSON_TABLES = ("person_file", "person", "dost", "dost_p", "tel")
