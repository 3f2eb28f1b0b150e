"""Which papers does a closed month leave? Acts, protocols, the page of the month; answers and files R with persons apart.

    reports/<month>/index.html            the page of the month
    reports/<month>/acts/                 acts of points 121 and 132, each with its file (JSON), and their register
    reports/<month>/insurers/             what each insurer is told: notice of its money, list of bills and control (JSON)
    reports/<month>/protocols/            FLK_P and the list of findings of each package, the protocol of МЭК
    restricted/<month>/answers/           the registry of each package returned with decisions
    restricted/<month>/territories/       files R (.oms) to other territories

Equal tables give equal bytes. The documents are written into a folder beside their place (`workspace.pending_folder`) and moved
there together when the closing is published: an earlier closing keeps its papers until then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import findings as findings_module
from omsclaims import messages
from omsclaims.checks import official
from omsclaims.context import Context
from omsclaims.intake import NOT_OF_THE_REGISTRY, shown_name
from omsclaims.law import terms as law_terms
from omsclaims.registry import formats, protocol, writer
from omsclaims.reports import act_files, acts, answers, doubts, flk, insurer_files, page, territory_files
from omsclaims.settlement import Identity, act_states, own_month
from omsclaims.settlement.decide import act_date, act_number
from omsclaims.workspace import DOCUMENT_PARTS, PackageRow, pending_folder, read_table, read_tables, sha256_file

Tables = Mapping[str, pl.DataFrame]

#: Tables of the file of persons, which goes back with the answer.
PERSON_FILE_TABLES: Final = ("person_file", "person", "dost", "dost_p", "tel")


@dataclass(frozen=True)
class Document:
    """A paper of the month: what it is, what it is called, where it lies in the workspace, its content's SHA-256."""

    kind: str  # page | act_121 | act_132 | act_file | acts_register | insurer | mek | findings | flk | answer | territory
    name: str
    path: Path
    sha256: str


class _Shelf:
    """Writes documents into the pending folders of a closing and keeps the list of them, under the paths that they will have."""

    def __init__(self, workspace: Path, month: str, digest: str) -> None:
        self.workspace = workspace
        self.month = month
        self.digest = digest
        self.documents: list[Document] = []
        for part in DOCUMENT_PARTS:
            shutil.rmtree(self._pending(part), ignore_errors=True)

    def _pending(self, part: str) -> Path:
        return self.workspace / pending_folder(part, self.month, self.digest)

    def add(self, kind: str, name: str, place: Path, data: bytes) -> None:
        """Writes a document and lists it. `place`: reports or restricted, folder, file name."""
        path = self.file(place)
        path.write_bytes(data)
        self.list(kind, name, place)

    def file(self, place: Path) -> Path:
        """Where the file of a document is to be written now."""
        part, *rest = place.parts
        path = self._pending(part).joinpath(*rest)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def list(self, kind: str, name: str, place: Path) -> None:
        """Lists a document whose file has been written."""
        part, *rest = place.parts
        self.documents.append(Document(kind, name, Path(part, self.month, *rest), sha256_file(self.file(place))))


def write(
    workspace: Path,
    packages: Sequence[PackageRow],
    tables: Tables,
    results: Tables,
    identities: Sequence[Identity],
    context: Context,
    digest: str,
    lang: str,
    overlays: formats.Overlays | None = None,
) -> list[Document]:
    """Writes all documents of a month.

    packages    every package of the month, refused ones too
    tables      what the month was settled from (`month.assemble`, registers)
    results     `month.RESULTS`
    identities  printed on the page
    digest      of the results, printed on the page
    overlays    what the region adds to the files: an answer has it, too, where the overlay names the answer's edition

    Returns the documents in the order written. They lie in pending folders until the workspace publishes the closing.
    """
    shelf = _Shelf(workspace, str(context.month), digest)
    accepted = [row for row in packages if row.state == "accepted"]
    refused = [row for row in packages if row.state == "refused"]
    _write_answers(shelf, accepted, tables, results, workspace, overlays or formats.Overlays("", {}))
    _write_territories(shelf, tables, results, context)
    used = _Used(results, context, lang)
    _write_protocols(shelf, accepted, refused, tables, results, context, used, lang)
    _write_acts(shelf, tables, results, context, used, lang)
    _write_insurers(shelf, tables, results, context)
    _write_page(shelf, packages, tables, results, identities, context, digest, lang)
    return shelf.documents


def act_day(context: Context) -> date:
    """The day on which the acts and bills of a month are dated: the last day for the clinics' bills (Rules 138)."""
    return law_terms.due_in_month(context.law, "territories.clinic_bill_working_day", context.month)


def _write_answers(
    shelf: _Shelf, rows: Sequence[PackageRow], tables: Tables, results: Tables, workspace: Path, overlays: formats.Overlays
) -> None:
    """The registry of each package with OPLATA, SUMP and SANK (Rules 128; order 79): it holds persons, so it is restricted."""
    cases = tables["cases"].partition_by("package", as_dict=True)
    for row in rows:
        own = cases[(row.package,)]
        keys = own.select("case_key")
        decided = results["decisions"].join(keys, on="case_key", how="semi")
        sanctions = results["sanctions"].join(keys, on="case_key", how="semi", maintain_order="left")
        package_tables = {**read_tables(workspace / row.path), **read_tables(workspace / row.people_path)}
        for name in NOT_OF_THE_REGISTRY:
            package_tables.pop(name, None)
        full = {name: package_tables.get(name, formats.empty_table(name, "main")) for name in formats.canonical_tables()}
        kept = {name: table for name, table in package_tables.items() if name not in full}
        answer, edition = answers.answer_tables({**full, **kept}, own, decided, sanctions)
        place = Path("restricted", "answers", f"{answers.answer_name(row.package)}.zip")
        people, person_edition = _persons_of(row, package_tables, overlays)
        writer.write_package(shelf.file(place), answer, overlays.over(formats.get(edition)), people, person_edition, level=1)
        shelf.list("answer", row.package, place)


def _persons_of(
    row: PackageRow, tables: Tables, overlays: formats.Overlays
) -> tuple[dict[str, pl.DataFrame] | None, formats.Format | None]:
    """The file of persons that goes back with the answer, and its edition; nothing where none was sent (a bare XML)."""
    _, *person_edition = row.formats.split(",")
    if not person_edition:
        return None, None
    persons = {name: tables.get(name, formats.empty_table(name, "person")) for name in PERSON_FILE_TABLES}
    persons.update({name: tables[name] for name in ("exceptions", "extra") if name in tables})
    read_by, _, _ = person_edition[0].partition("+")  # behind it: the region whose additions were put in
    edition = overlays.over(formats.result_format_of(formats.get(read_by)))
    return answers.answer_person_tables(persons, row.package), edition


def _write_territories(shelf: _Shelf, tables: Tables, results: Tables, context: Context) -> None:
    """File R of each territory that owes (Rules 139-141)."""
    territories = context.books.require("F010").on(context.month.last)
    okato = dict(territories.select("code", "okato").iter_rows())
    day = act_day(context)
    persons = {name: tables[name] for name in ("person", "dost", "dost_p") if name in tables}
    presented = results["identified"].join(results["territory_items"].select("case_key"), on="case_key", how="semi")
    for bill in results["territory_bills"].sort("territory").iter_rows(named=True):
        made = territory_files.r_tables(
            bill["territory"],
            tables["cases"],
            tables,
            persons,
            results["decisions"],
            results["sanctions"],
            presented,
            territory_files.Bill(bill["file_name"], bill["nschet"], day, day, okato[context.territory], bill["okato"]),
            context.month,
        )
        place = Path("restricted", "territories", f"{bill['file_name']}.oms")
        writer.write_package(shelf.file(place), made.tables, formats.get(made.edition))
        shelf.list("territory", bill["file_name"], place)


def _write_protocols(
    shelf: _Shelf,
    accepted: Sequence[PackageRow],
    refused: Sequence[PackageRow],
    tables: Tables,
    results: Tables,
    context: Context,
    used: _Used,
    lang: str,
) -> None:
    """FLK_P and lists of findings, for accepted and refused packages; the protocol of МЭК for accepted ones."""
    found = results["findings"].partition_by("package", as_dict=True)
    names = _names(tables["reg_clinic"], "mo", context)
    fund = _fund(context, lang)
    cases = tables["cases"].partition_by("package", as_dict=True)
    for row in [*accepted, *refused]:
        stored = read_tables(shelf.workspace / row.path)["findings"] if row.state == "refused" else None
        own = stored if stored is not None else found.get((row.package,), findings_module.empty())
        label = row.package if row.state == "accepted" else f"{shown_name(row.package, row.digest)}-{row.digest[:8]}"
        name = f"V{row.package}"
        place = Path("reports", "protocols", f"V{label}.XML")
        shelf.add("flk", label, place, protocol.flk_protocol(own, row.package, name, lang))
        if row.state == "refused":
            place = Path("reports", "protocols", f"V{label}.xlsx")
            shelf.add("findings", label, place, flk.findings_xlsx(own, row.package, lang))
            continue
        own_cases = cases[(row.package,)]
        # The same number and date as SANK/NUM_ACT and DATE_ACT of the answer: it is one act.
        act = acts.Act(act_number(row.package), act_date(own_cases["data"][0], context), context.month, fund)
        note = used.in_decisions(row.package)
        data = acts.mek_protocol(row.package, own_cases, results["decisions"], own, act, names, lang, note=note)
        shelf.add("mek", label, Path("reports", "protocols", f"MEK-{label}.xlsx"), data)


def _write_acts(shelf: _Shelf, tables: Tables, results: Tables, context: Context, used: _Used, lang: str) -> None:
    """Acts of point 121 (insurer and fund) and 132 (payer and clinic), and their register."""
    clinics = _names(tables["reg_clinic"], "mo", context)
    insurers = _names(tables["reg_insurer"], "smo", context)
    fund, day = _fund(context, lang), act_day(context)
    payments = {(row["payer"], row["mo"]): row for row in results["payments"].iter_rows(named=True)}
    for row in results["act_121"].sort("smo").iter_rows(named=True):
        act = acts.Act(acts.number_121(context.month, row["smo"]), day, context.month, fund)
        place = Path("reports", "acts", f"121-{row['smo']}.xlsx")
        shelf.add("act_121", act.number, place, acts.act_121(row, act, insurers, lang, used.in_money(row["smo"])))
        _write_act_file(shelf, act_states.monthly("121", row, context.month, context.territory, day))
    for row in results["act_132"].sort("payer", "mo").iter_rows(named=True):
        act = acts.Act(acts.number_132(context.month, row["payer"], row["mo"]), day, context.month, fund)
        place = Path("reports", "acts", f"132-{row['payer']}-{row['mo']}.xlsx")
        note = used.in_money(row["payer"], row["mo"])
        data = acts.act_132(row, act, insurers, clinics, lang, payments.get((row["payer"], row["mo"])), note)
        shelf.add("act_132", act.number, place, data)
        _write_act_file(shelf, act_states.monthly("132", row, context.month, context.territory, day))
    act = acts.Act(str(context.month), day, context.month, fund)
    data = acts.acts_register(results["act_121"], results["act_132"], act, insurers, clinics, lang, used.in_money())
    shelf.add("acts_register", act.number, Path("reports", "acts", "register.xlsx"), data)


def _write_act_file(shelf: _Shelf, act: act_states.Act) -> None:
    """The act as the other side's program reads it, beside its paper."""
    shelf.add("act_file", act.number, Path("reports", "acts", f"{act_files.file_name(act)}.json"), act_files.act_json(act))


def _write_insurers(shelf: _Shelf, tables: Tables, results: Tables, context: Context) -> None:
    """What each insurer's own books need of the month (settlement.own_month): sums by clinic, nobody's name."""
    for papers in own_month.told_by_fund({**tables, **results}, context, act_day(context)):
        for paper in papers:
            name = insurer_files.file_name(paper)
            shelf.add("insurer", name.removesuffix(".json"), Path("reports", "insurers", name), insurer_files.paper_json(paper))


def sources_of(results: Tables, context: Context) -> list[str]:
    """What a month stands on: values of the law that it asked for or that its rows name, and rows of the grouper, sorted."""
    named = doubts.of_rows(*(results[name] for name in _NAMING if name in results))
    return sorted({*named, *(context.law.asked or ())})


#: Results whose rows name their sources.
_NAMING: Final = ("priced_sl", "grouped")


def _billed_to(results: Tables, fund: str) -> pl.DataFrame:
    """case_key, package, code_mo, payer: own people are paid for by their insurer, all others by the fund (payments)."""
    payer = pl.when(pl.col("status") == "own").then("smo").otherwise(pl.lit(fund))
    known = results["identified"].select("case_key", payer=payer)
    return results["cases_view"].select("case_key", "package", "code_mo").join(known, on="case_key", how="left")


class _Used:
    """The note of each paper on the unconfirmed values that it used: those of the month, and of rows those of its own cases."""

    def __init__(self, results: Tables, context: Context, lang: str) -> None:
        act_day(context)  # the papers are dated by it
        self.law, self.lang = context.law, lang
        self.asked = sorted(context.law.asked or ())
        tables = [results[name].select("case_key", "sources") for name in _NAMING if name in results]
        named = doubts.cases(tables, context.law)
        self.of_rows = named.join(_billed_to(results, context.territory), on="case_key").drop("case_key").unique()

    def in_decisions(self, package: str) -> str:
        """Of a paper on the decisions on the cases of a package."""
        own = self.of_rows.filter(pl.col("package") == package)
        return doubts.note([*doubts.of_decisions(self.asked), *own["source"]], self.lang, self.law)

    def in_money(self, payer: str | None = None, mo: str | None = None) -> str:
        """Of a paper on the money of a payer, of a payer and a clinic, of all."""
        wanted = {name: value for name, value in (("payer", payer), ("code_mo", mo)) if value is not None}
        own = self.of_rows.filter(**wanted) if wanted else self.of_rows
        return doubts.note([*self.asked, *own["source"]], self.lang, self.law)


def _write_page(
    shelf: _Shelf,
    packages: Sequence[PackageRow],
    tables: Tables,
    results: Tables,
    identities: Sequence[Identity],
    context: Context,
    digest: str,
    lang: str,
) -> None:
    """The page of the month, with links to everything written before it."""
    shown = {**tables, **results, "packages": packages_frame(packages, lang)}
    refused = [read_tables(shelf.workspace / row.path)["findings"] for row in packages if row.state == "refused"]
    shown["findings"] = findings_module.concat([results["findings"], *refused])
    shown["executions"] = official.summed(
        [_executions(shelf.workspace / row.path) for row in packages if row.state == "accepted"]
    )
    unconfirmed = doubts.lines(sources_of(results, context), lang, context.law)
    made = page.month_page(shown, identities, _links(shelf), context, lang, digest, unconfirmed)
    shelf.add("page", str(context.month), Path("reports", "index.html"), made.encode())


def _executions(folder: Path) -> pl.DataFrame:
    """What became of the rows of the check books on a package, as its intake left it."""
    path = folder / "executions.parquet"
    return read_table(path) if path.exists() else pl.DataFrame(schema=official.EXECUTIONS)


def packages_frame(packages: Sequence[PackageRow], lang: str) -> pl.DataFrame:
    """Packages of the month as the page shows them (`page.PACKAGES`), the reasons of a refusal by number and name."""
    rows = [
        {
            "package": row.package,
            "mo": row.mo,
            "file_kind": row.file_kind,
            "state": row.state,
            "cases": row.cases,
            "sumv_kop": row.sumv_kop,
            "reasons": "; ".join(_reason(rule, lang) for rule in filter(None, row.reasons.split(","))),
        }
        for row in packages
        if row.state != "withdrawn"
    ]
    return pl.DataFrame(rows, schema=page.PACKAGES)


def _reason(rule: str, lang: str) -> str:
    return f"{rule} {messages.text(findings_module.rule_key(rule, 'title'), lang)}"


_GROUP_OF: Final = {
    "act_121": "acts", "act_132": "acts", "act_file": "acts", "acts_register": "acts", "answer": "answers",
    "territory": "territories", "mek": "protocols", "findings": "protocols", "flk": "protocols",
}  # fmt: skip


def _links(shelf: _Shelf) -> list[page.Link]:
    """Links of the page, relative to it."""
    base = Path("reports", shelf.month)
    links = []
    for document in shelf.documents:
        href = Path(os.path.relpath(document.path, base)).as_posix()
        links.append(page.Link(_GROUP_OF.get(document.kind, "other"), f"{document.name} · {Path(href).name}", href))
    return links


def _names(register: pl.DataFrame, code: str, context: Context) -> dict[str, str]:
    """code -> name on the last day of the month."""
    last = context.month.last
    held = register.filter((pl.col("valid_from") <= last) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= last)))
    return dict(held.sort(code, "valid_from").select(code, "name").iter_rows())


def _fund(context: Context, lang: str) -> str:
    return messages.text("documents.fund", lang, territory=context.territory)
