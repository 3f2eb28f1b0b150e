"""How is a month closed, compared and opened again? Loads, calls the conductor, digests, stores - in one transaction.

Closing again with the same inputs changes nothing and says so. When anything differs, the differences are shown and nothing is
replaced unless that is asked for with a reason. A closing names in the audit chain its inputs, books, parameters, program and
outputs. Its postings go into the journal, which is never rewritten: closing again writes the difference.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, cast

import polars as pl

from omsclaims import __version__, act_store, between_store, contract, documents, expertise_store, intake, journal, month
from omsclaims.context import Context, Payments, Role
from omsclaims.law import federal_parameters
from omsclaims.law.agreement import kept_agreement
from omsclaims.periods import Month
from omsclaims.settlement import Identity, accidents, identities
from omsclaims.settlement.ledger import as_dict
from omsclaims.workspace import (
    PackageRow,
    RunRow,
    Workspace,
    WorkspaceError,
    canonical_json,
    read_tables,
    sha256_bytes,
    sha256_file,
    table_digest,
    write_tables,
)

Progress = Callable[[str], None]
#: Part (packages, registers, months, events, sources, outputs), name in it, and added | removed | changed.
Difference = tuple[str, str, str]

#: Who may forbid that a closed month is opened again: each returns the key of the sentence that says why ({month} is put in), or
#: None.
#: What has left the house - a file sent, an act signed - is corrected by later events, not by another month.
HOLDS: list[Callable[[Workspace, Month], str | None]] = [
    journal.corrected_later, between_store.month_sent, act_store.month_signed,
]  # fmt: skip

#: Columns that tables of results got later: where they hold nothing but zeros, the digest is the one of before.
_LATER_COLUMNS: Final = {"act_121": ("other_received_kop", "returned_kop", "preventive_spent_kop")}


@dataclass(frozen=True)
class Closing:
    """What a run of a month came to."""

    month: Month
    outcome: Literal["closed", "identical", "differs", "replaced"]
    digest: str
    tables: dict[str, pl.DataFrame]
    identities: list[Identity]
    differences: list[Difference] = field(default_factory=list)
    documents: list[documents.Document] = field(default_factory=list)
    packages: list[PackageRow] = field(default_factory=list)


@cache
def program_digest() -> str:
    """SHA-256 over the program's own files: code, books, formats, parameters, texts."""
    digest = hashlib.sha256()
    root = resources.files("omsclaims")
    with resources.as_file(root) as folder:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in {".py", ".yaml", ".csv", ".j2", ".html"}:
                digest.update(f"{path.relative_to(folder)}:{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def load_context(workspace: Workspace, of: Month, as_of: date) -> tuple[Context, dict[str, str]]:
    """The surroundings of a month as the workspace holds them, and the digests of what they were made of."""
    library = workspace.library()
    folder, agreement_digest = workspace.agreement(of.year)
    role: Role = "fund" if workspace.meta("role") == "fund" else "insurer"
    context = Context(
        month=of,
        as_of=as_of,
        territory=workspace.meta("territory"),
        role=role,
        books=library.books(of, as_of),
        law=federal_parameters().noting(),  # what is asked for can then be told
        agreement=kept_agreement(folder, agreement_digest),
        secret=workspace.secret(),
        payments=cast(Payments, workspace.payments()),
    )
    digests = {f"book:{name}": digest for name, digest in library.digests(of, as_of).items()}
    return context, {**digests, "agreement": agreement_digest, "program": program_digest(), "version": __version__}


def load_tables(workspace: Workspace, of: Month) -> tuple[dict[str, pl.DataFrame], dict[str, Any]]:
    """All tables that a month is settled from, and what they were (digests of packages, registers, earlier months)."""
    rows = [row for row in workspace.packages(str(of)) if row.state == "accepted"]
    tables = month.assemble(_package(workspace, row) for row in rows)
    registers, register_digests = workspace.registers()
    earlier = [name for name in workspace.closed_months() if name < str(of)]
    tables.update(registers)
    tables["history"] = cast(pl.DataFrame, workspace.history(str(of)))  # a scan: contract.history
    tables["balances_before"] = _balances_before(workspace, of, earlier)
    tables["event_postings"] = journal.month_events(workspace, of)
    of_year = [name for name in earlier if name.startswith(f"{of.year}-")]
    bills = [workspace.ledger_table("territory_bills", name) for name in of_year]
    tables["territory_bills_before"] = pl.concat(bills) if bills else contract.TABLES["territory_bills"].empty()
    tables["postings_before"] = postings_before(workspace, of)
    for name, months in (("plan_lines", of_year), ("voucher_uses", earlier), ("accident_deductions", earlier)):
        parts = [workspace.stored_table(month_name, name) for month_name in months]
        tables[f"{name}_before"] = pl.concat(parts) if parts else contract.TABLES[name].empty()
    tables["accident_history"] = _accident_history(workspace, tables)
    paid_for = tables["accident_history"].select(expertise_store.CASE)
    of_expertise, expertise_digests = expertise_store.month_tables(workspace, of, also=paid_for)
    tables.update(of_expertise)
    inputs = {
        "packages": {row.package: row.digest for row in rows},
        # What expertise keeps is recorded by the part of it that this month takes.
        "registers": {name: digest for name, digest in register_digests.items() if name not in expertise_store.KEPT},
        "months": {name: _digest_of(workspace, name) for name in earlier},
        "expertise": expertise_digests,
    }
    events_of_month = journal.event_sources(workspace, of)
    if events_of_month:
        inputs["events"] = events_of_month
    return tables, inputs


def postings_before(workspace: Workspace, of: Month) -> pl.DataFrame:
    """`postings` of the eleven months before a month, events among them: what the limits of the reserves are made of.

    No year of contracts is longer; where it begins the settlement asks the law, which notes that it was asked.
    """
    since = of.plus(-11) if of >= Month(2012, 1) else Month(2011, 1)  # reporting months begin with 2011
    closed = [name for name in workspace.closed_months() if str(since) <= name < str(of)]
    parts = [contract.TABLES["postings"].empty(), *(workspace.ledger_table("postings", name) for name in closed)]
    events = _events_before(workspace, since, of)
    return pl.concat([*parts, events.select(parts[0].columns)])


def _events_before(workspace: Workspace, first: Month | None, of: Month) -> pl.DataFrame:
    """`event_postings` of the months from first to the one before `of`."""
    return journal.events_between(workspace, first, of).filter(pl.col("month") < str(of))  # January 2011 has no month before it


def _balances_before(workspace: Workspace, of: Month, earlier: list[str]) -> pl.DataFrame:
    """Balances with which a month begins: of the last closed month, and what events booked since in months that nobody closed.

    Without a closed month none are handed on, and the opening register counts - unless events were booked before.
    """
    since = Month.parse(earlier[-1]).plus(1) if earlier else None
    events = _events_before(workspace, since, of)
    before = workspace.ledger_table("balances", earlier[-1]) if earlier else contract.TABLES["balances"].empty()
    if events.is_empty():
        return before
    moved = as_dict(before) if earlier else journal.register_opening(workspace)
    for debit, credit, amount in events.select("debit", "credit", "amount_kop").iter_rows():
        moved[debit] = moved.get(debit, 0) + amount
        moved[credit] = moved.get(credit, 0) - amount
    rows = sorted((account, amount) for account, amount in moved.items() if amount)
    return pl.DataFrame(rows, schema=contract.TABLES["balances"].schema(), orient="row")


def _package(workspace: Workspace, row: PackageRow) -> month.Package:
    tables = workspace.package_tables(row)
    found = tables.pop("findings")
    tables.pop("executions", None)
    return month.Package(row.package, tables, found)


def _accident_history(workspace: Workspace, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Contract table `accident_history`: cases of closed months of the people of whom there is a notice of an accident."""
    empty = contract.TABLES["accident_history"].empty()
    if tables["reg_accident"].is_empty():
        return empty
    keys = accidents.notices(tables, workspace.secret())["person_key"].drop_nulls()
    theirs = contract.history(tables).filter(pl.col("person_key").is_in(keys.implode()))
    named = theirs.select("month", "package", "idcase", "person_key", "ds1").collect().unique(maintain_order=True)
    parts = [empty]
    for name in named["month"].unique().sort():
        view = expertise_store.closed_view(workspace, name)
        money = workspace.run_table(name, "cases_view").select("case_key", "lpu", "sump_kop")
        cases = named.join(view, on=["month", "package", "idcase"], how="inner").join(money, on="case_key", how="left")
        parts.append(contract.check("accident_history", cases))
    return pl.concat(parts).sort("month", "package", "idcase", "ds1")


def _digest_of(workspace: Workspace, name: str) -> str:
    run = workspace.run(name)
    assert run is not None
    return run.digest


def close(
    workspace: Workspace,
    of: Month,
    as_of: date,
    who: str,
    why: str | None = None,
    replace: bool = False,
    lang: str = "ru",
    progress: Progress | None = None,
) -> Closing:
    """Settles and closes a month (call inside `Workspace.writing`).

    Raises WorkspaceError `month.fund_only` in the workspace of an insurer, `month.empty` without an accepted package,
    `month.earlier_open` when an earlier month has packages and is not closed, `month.later_closed` when a later month is closed
    and this one would change.
    """
    say = progress or (lambda _: None)
    _may_close(workspace, of)
    say("load")
    context, sources = load_context(workspace, of, as_of)
    tables, inputs = load_tables(workspace, of)
    inputs["sources"] = sources
    context = dataclasses.replace(context, law=context.law.noting())  # the page says which were not confirmed
    say("settle")
    results = month.settle_month(tables, context)
    identities_of_month = identities({**tables, **results})
    for identity in identities_of_month:
        assert identity.holds, f"identity {identity.name} does not hold: {identity.left} and {identity.right}"
    say("digest")
    outputs = {name: output_digest(name, table) for name, table in sorted(results.items())}
    digest = sha256_bytes(canonical_json(outputs).encode())
    packages = workspace.packages(str(of))
    before = workspace.run(str(of))
    differences = [] if before is None else _differences(before, inputs, outputs)
    if before is not None and before.digest == digest:  # inputs may differ and come to the same: that is said, too
        return Closing(of, "identical", digest, results, identities_of_month, differences, packages=packages)
    if before is not None and not replace:
        return Closing(of, "differs", digest, results, identities_of_month, differences, packages=packages)
    if before is not None:
        reopen(workspace, of, as_of, who, why or "")
    say("documents")
    overlays = intake.overlays_of(workspace).get(of.year)
    made = documents.write(workspace.folder, packages, tables, results, identities_of_month, context, digest, lang, overlays)
    path = Path("tables") / str(of) / f"run-{digest[:16]}"
    if not (workspace.folder / path).exists():
        write_tables(workspace.folder / path, {name: results[name] for name in month.RESULTS})
    inputs["outputs"] = outputs
    inputs["parameters"] = documents.sources_of(results, context)
    workspace.store_run(
        RunRow(str(of), digest, inputs, who, why, as_of, str(path)),
        results,
        [(document.kind, document.name, str(document.path), document.sha256) for document in made],
    )
    written = _into_the_books(workspace, of, tables, results, digest, as_of, who, why)
    papers = {str(one.path): one.sha256 for one in made}
    event = {"month": str(of), "digest": digest, "inputs": inputs, "documents": papers, "ledger": written}
    workspace.record("close", as_of, who, why, event)
    outcome: Literal["closed", "replaced"] = "closed" if before is None else "replaced"
    return Closing(of, outcome, digest, results, identities_of_month, differences, made, packages)


def output_digest(name: str, table: pl.DataFrame) -> str:
    """Digest of a table of results; columns that came later and hold only zeros do not show in it."""
    later = [column for column in _LATER_COLUMNS.get(name, ()) if not (table[column].fill_null(0) != 0).any()]
    return table_digest(table.drop(later))


def _into_the_books(
    workspace: Workspace, of: Month, tables: Mapping[str, pl.DataFrame], results: Mapping[str, pl.DataFrame], digest: str,
    as_of: date, who: str, why: str | None,
) -> list[dict[str, object]]:  # fmt: skip
    """Writes a closing into the journal, before its event in the chain; returns what that event says of it.

    Before the first closed month the opening is written, or what differs from it. The books then say what the closing says.
    """
    written = []
    if not [name for name in workspace.closed_months() if name < str(of)]:
        opening = as_dict(results["balances"])
        moved = [results["postings"], tables["event_postings"], _events_before(workspace, None, of)]
        for postings in moved:
            for debit, credit, amount in postings.select("debit", "credit", "amount_kop").iter_rows():
                opening[debit] = opening.get(debit, 0) - amount
                opening[credit] = opening.get(credit, 0) + amount
        written.append(journal.open_ledger(workspace, of, opening, digest, as_of, who, why, record=False).payload)
    written.append(journal.close_month(workspace, of, results["postings"], digest, as_of, who, why).payload)
    stands = journal.balances(workspace, on=of.last)
    assert stands.equals(results["balances"]), f"the journal and the closing of {of} differ"
    return [one for one in written if one]


def _may_close(workspace: Workspace, of: Month) -> None:
    """Months are closed in order: each is the history of the next. The books that a closing makes are those of a fund."""
    if workspace.meta("role") != "fund":
        raise WorkspaceError("month.fund_only", month=of)
    packages = [row for row in workspace.packages() if row.state == "accepted"]
    if not any(row.month == str(of) for row in packages):
        raise WorkspaceError("month.empty", month=of)
    closed = set(workspace.closed_months())
    open_before = sorted({row.month for row in packages if row.month < str(of)} - closed)
    if open_before:
        raise WorkspaceError("month.earlier_open", month=of, earlier=", ".join(open_before))


def _differences(before: RunRow, inputs: Mapping[str, Any], outputs: Mapping[str, str]) -> list[Difference]:
    """What differs from the stored closing, by name of the input or output."""
    found: list[Difference] = []
    for part in ("packages", "registers", "months", "expertise", "events", "sources"):
        old, new = before.inputs.get(part, {}), inputs.get(part, {})
        for name in sorted(set(old) | set(new)):
            if old.get(name) != new.get(name):
                change = "added" if name not in old else "removed" if name not in new else "changed"
                found.append((part, name, change))
    old_outputs = before.inputs.get("outputs", {})
    found.extend(("outputs", name, "changed") for name in sorted(outputs) if old_outputs.get(name) != outputs[name])
    return found


def reopen(workspace: Workspace, of: Month, as_of: date, who: str, why: str) -> None:
    """Opens a closed month again; the chain keeps what the closing was, who opened it and why.

    Raises WorkspaceError `workspace.not_closed`, `month.why` without a reason, `month.later_closed` when a later month stands
    on it, and what one of HOLDS says.
    """
    run = workspace.run(str(of))
    if run is None:
        raise WorkspaceError("workspace.not_closed", month=of)
    if not why.strip():
        raise WorkspaceError("month.why", month=of)
    later = [name for name in workspace.closed_months() if name > str(of)]
    if later:
        raise WorkspaceError("month.later_closed", month=of, later=", ".join(later))
    for held in (hold(workspace, of) for hold in HOLDS):
        if held is not None:
            raise WorkspaceError(held, month=of)
    told: dict[str, object] = {"month": str(of), "digest": run.digest, "closed_by": run.closed_by}
    void = act_store.void_month(workspace, of, as_of, who, why)
    workspace.record("reopen", as_of, who, why, {**told, "acts": void} if void else told)
    workspace.forget_run(str(of))


def parameters_of(workspace: Workspace, months: Iterable[str]) -> list[str]:
    """Sources (`law:<name>@<since>`, `grouper:<id>@<since>`) that closed months stand on, as their closings noted them."""
    runs = filter(None, (workspace.run(name) for name in months))
    return sorted({source for run in runs for source in run.inputs.get("parameters", ())})


def stored(workspace: Workspace, of: Month) -> dict[str, pl.DataFrame]:
    """The results of a closed month."""
    run = workspace.run(str(of))
    if run is None:
        raise WorkspaceError("workspace.not_closed", month=of)
    return read_tables(workspace.folder / run.path)
