"""How do samples, acts and appeals get into a workspace? Loads, calls the stages of `settlement.expertise`, stores (law.md 10).

The stages are pure functions; here is what they cannot do: find the closed month, read and write tables, record events in the
audit chain. Whoever calls is inside `Workspace.writing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from omsclaims import closing
from omsclaims import expertise_store as store
from omsclaims.periods import Month
from omsclaims.settlement.expertise import sampling
from omsclaims.settlement.expertise.sampling import Draw
from omsclaims.workspace import Workspace, WorkspaceError, table_digest


@dataclass(frozen=True)
class Drawn:
    """What became of a sample: its rows and strata, findings, whether it is new, the same again, or drawn anew."""

    sample: str
    outcome: Literal["stored", "identical", "replaced"]
    digest: str
    rows: pl.DataFrame
    strata: pl.DataFrame
    findings: pl.DataFrame


def draw(workspace: Workspace, of: Month, wanted: Draw, as_of: date, who: str) -> Drawn:
    """Draws a sample from a closed month and keeps it; the same draw again changes nothing.

    A draw that comes out otherwise than the stored one of the same name (the month was opened again and closed otherwise)
    replaces it, and the audit chain keeps both digests. Raises WorkspaceError `workspace.not_closed`, `expertise.no_insurer`.
    """
    tables = store.sample_tables(workspace, of)
    if wanted.insurer is not None and wanted.insurer not in set(tables["cases"]["payer"].to_list()):
        raise WorkspaceError("expertise.no_insurer", insurer=wanted.insurer, month=of)
    context, _ = closing.load_context(workspace, of, as_of)
    made = sampling.sample(tables, context, wanted)
    rows, strata = made["expertise_sample"], made["expertise_strata"]
    name = wanted.sample_id(str(of))
    digest = table_digest(pl.concat([rows.select("list", "package", "n_zap", "idcase", "place", "because", "s_tip")]))
    known = {part: store.kept(workspace, part) for part in ("expertise_sample", "expertise_strata")}
    old_rows, old_strata = (known[part].filter(pl.col("sample") == name) for part in known)
    same = table_digest(old_rows) == table_digest(rows) and table_digest(old_strata) == table_digest(strata)
    if old_strata.height and same:
        return Drawn(name, "identical", digest, rows, strata, made["findings"])
    for part, fresh in (("expertise_sample", rows), ("expertise_strata", strata)):
        store.keep(workspace, part, pl.concat([known[part].filter(pl.col("sample") != name), fresh]), as_of)
    counts = {str(found): int(count) for found, count in rows.group_by("list").len().sort("list").iter_rows()}
    payload = {"sample": name, "month": str(of), "kind": wanted.kind, "seed": wanted.seed, "insurer": wanted.insurer,
               "within": wanted.within, "digest": digest, "cases": counts}  # fmt: skip
    workspace.record("expertise sample", as_of, who, None, payload)
    return Drawn(name, "replaced" if old_strata.height else "stored", digest, rows, strata, made["findings"])
