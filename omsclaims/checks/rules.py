"""How does a rule become findings? Predicates say which rows break a rule; everything else is done here, once, for all rules.

A predicate is registered under its rule's id in one of two forms:

- `@on(...)`: an expression over the frame of the rule's level. All expressions of a level are evaluated together.
- `@table(...)`: a function that returns the rows that break the rule, for what one line cannot tell (pairs, sums over months).

A null answer is silent: whether a value must be there is a rule of its own (checks.md 1.4a).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import polars as pl

from omsclaims import findings
from omsclaims.checks.catalogue import NEW_CODES_SINCE, Parameters, Rule, rules
from omsclaims.checks.frames import View, beside
from omsclaims.nsi import Books
from omsclaims.registry.formats import PERSONAL

Params = Mapping[str, pl.Expr]
#: Key of the rows of each level. A person, a patient and a record stand in findings once for each of their cases.
KEYS: Final = {"file": "package", "person": "z_row", "zap": "z_row", "case": "z_row", "sl": "sl_row", "usl": "usl_row"}


@dataclass(frozen=True)
class Broken:
    """Which rows break a rule, and what the finding shows.

    where    true where it is broken; null is silent
    value    the value found, as text; None: the column of the rule's element
    element  path, where it depends on the row; None: the rule's element
    params   values that the text of the rule needs
    """

    where: pl.Expr
    value: pl.Expr | None = None
    element: pl.Expr | None = None
    params: Params = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What rules run on: the view, the books, the day of knowledge, and what the surroundings add.

    territory      two-digit code of the fund, None outside a workspace
    month          YYYY-MM of the month that is settled, None for a package alone
    planned_kinds  kinds of payment that the volumes of the commission bind
    letters        letters of first-stage examinations by the agreement, None: those of the catalogue
    stage          the pass that runs: rules of two passes look at different partners
    active         rules of this pass that are executed, by id
    memo           frames made once (`once`)
    """

    view: View
    books: Books
    as_of: date
    stage: str
    territory: str | None = None
    month: str | None = None
    planned_kinds: frozenset[str] = frozenset()
    letters: tuple[str, ...] | None = None
    active: dict[str, Rule] = field(default_factory=dict)
    memo: dict[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def against_history(self) -> bool:
        """Whether the partners are accepted cases of earlier months."""
        return self.stage == "history"

    def once(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """A frame that several rules of one pass need, made once."""
        if name not in self.memo:
            self.memo[name] = make()
        return self.memo[name]


Predicate = Callable[[Parameters], Broken]
TablePredicate = Callable[[Run, Rule], pl.DataFrame | list[tuple[str, pl.DataFrame]]]

EXPRESSIONS: Final[dict[str, Predicate]] = {}
TABLES: Final[dict[str, TablePredicate]] = {}
#: What a rule needs of its tables beyond their being there.
NEEDS: Final[dict[str, Callable[[Run, Rule], str]]] = {}


def on(*rule_ids: str) -> Callable[[Predicate], Predicate]:
    """Registers an expression for rules that differ in parameters only."""

    def register(predicate: Predicate) -> Predicate:
        for rule_id in rule_ids:
            assert rule_id not in EXPRESSIONS and rule_id not in TABLES, f"rule {rule_id} has two predicates"
            EXPRESSIONS[rule_id] = predicate
        return predicate

    return register


def table(*rule_ids: str) -> Callable[[TablePredicate], TablePredicate]:
    """Registers a function that returns the broken rows: the key of the level and any of element, value, params, sl_id, idserv.

    A rule of several levels (C220) returns a list of (level, rows).
    """

    def register(predicate: TablePredicate) -> TablePredicate:
        for rule_id in rule_ids:
            assert rule_id not in EXPRESSIONS and rule_id not in TABLES, f"rule {rule_id} has two predicates"
            TABLES[rule_id] = predicate
        return predicate

    return register


def needs(*rule_ids: str) -> Callable[[Callable[[Run, Rule], str]], Callable[[Run, Rule], str]]:
    """Registers what says why rules cannot run although their tables are there (a reason of an Execution); "" when they can."""

    def register(ask: Callable[[Run, Rule], str]) -> Callable[[Run, Rule], str]:
        NEEDS.update(dict.fromkeys(rule_ids, ask))
        return ask

    return register


# ---------------------------------------------------------------- values as text


def roubles(kopecks: pl.Expr) -> pl.Expr:
    """An amount in kopecks as the exchange files write it (`1234.50`)."""
    size = kopecks.abs()
    sign = pl.when(kopecks < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return sign + (size // 100).cast(pl.String) + "." + (size % 100).cast(pl.String).str.zfill(2)


def decimal(units: pl.Expr, decimals: int) -> pl.Expr:
    """A scaled integer as a decimal (93000, 5 -> `0.93000`)."""
    unit: int = 10**decimals
    size = units.abs()
    sign = pl.when(units < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return sign + (size // unit).cast(pl.String) + "." + (size % unit).cast(pl.String).str.zfill(decimals)


def masked(value: pl.Expr) -> pl.Expr:
    """`findings.mask` for a column."""
    short = value.str.len_chars() < 3
    return pl.when(short).then(pl.lit("***")).otherwise(value.str.head(1) + "***" + value.str.tail(1))


def params_of(values: Params) -> pl.Expr:
    """Text parameters as the canonical JSON of findings: sorted, all as text, a missing one as a dash."""
    if not values:
        return pl.lit("{}")
    texts = [values[name].cast(pl.String).fill_null("-").alias(name) for name in sorted(values)]
    encoded: pl.Expr = pl.struct(texts).struct.json_encode()
    return encoded


# ---------------------------------------------------------------- findings


def tag_of(element: str) -> str:
    """The last name of a path."""
    return element.rpartition("/")[2]


def stated(rule: Rule, level: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Broken rows of one rule in the one shape that `placed` takes: key, rule, both grounds, element, value, params."""
    kept = [name for name in ("sl_id", "sl_row", "idserv") if name in rows.columns and name != KEYS[level]]
    return rows.select(
        KEYS[level], *kept, pl.lit(rule.id).alias("rule"), pl.lit(level).alias("level"),
        pl.lit(rule.code or None, dtype=pl.String).alias("code"),
        pl.lit(rule.old_code or None, dtype=pl.String).alias("old_code"),
        pl.col("element") if "element" in rows.columns else pl.lit(rule.element).alias("element"),
        (pl.col("value") if "value" in rows.columns else pl.lit(None)).cast(pl.String).alias("value"),
        pl.col("params") if "params" in rows.columns else pl.lit("{}").alias("params"),
    )  # fmt: skip


def placed(view: View, level: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Findings of rows in the shape of `stated`, all of one level: position, ground on the date of care, masked value.

    All rules of a level are placed together, because a join costs by the size of the month, not by the number of findings.
    """
    found = rows
    if level == "usl":
        usl = view.table("usl").select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "idserv")
        found = beside(found, usl, "usl_row")
    if level in ("sl", "usl"):
        sl = view.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), "sl_id")
        found = beside(found, sl, "sl_row")
    if level == "file":
        files = view.files.select("package", "person_file", pl.col("dschet").alias("day"))
        found = found.join(files, on="package", how="left", maintain_order="left")
    else:
        cases = view.cases("package", "n_zap", "id_pac", "idcase", "line", "offset", "person_file", "date_z_2")
        found = beside(found, cases.rename({"date_z_2": "day"}), "z_row")
    for rule in map(rules().__getitem__, sorted(set(found["rule"]) & rules().keys())):
        dated = rule.holds(pl.col("day"))
        if dated is not None:  # functions over tables look at all dates
            found = found.filter((pl.col("rule") != rule.id) | dated)
    hidden = [path for path in found["element"].unique().to_list() if tag_of(path).lower() in PERSONAL]
    found = found.with_columns(
        pl.when(pl.col("day") < NEW_CODES_SINCE).then(pl.col("old_code")).otherwise(pl.col("code")).alias("code"),
        pl.when(pl.col("element").str.starts_with("PERS/"))
        .then(pl.col("person_file"))
        .otherwise(pl.col("package"))
        .alias("file"),
        pl.when(pl.col("element").is_in(hidden)).then(masked(pl.col("value"))).otherwise(pl.col("value")).alias("value"),
    )
    return findings.conform(found.select(name for name in findings.SCHEMA if name in found.columns))


def evaluate(run: Run, level: str, chosen: Iterable[Rule]) -> list[pl.DataFrame]:
    """Broken rows (`stated`) of all expression rules of one level, evaluated together in one pass over its frame."""
    day = "dschet" if level == "file" else "date_z_2"
    by_id = {rule.id: rule for rule in chosen}
    tests = {name: EXPRESSIONS[name](replace(rule.parameters, day=day)) for name, rule in by_id.items()}
    if not tests:
        return []
    wheres = {name: _where(by_id[name], broken) for name, broken in tests.items()}
    shown = [expr for name, broken in tests.items() for expr in _shown(by_id[name], level, broken)]
    asked = {name for expr in (*wheres.values(), *shown) for name in expr.meta.root_names()}
    frame = run.view.columns(level, asked)
    marked = frame.select(where.alias(name) for name, where in wheres.items())
    hit = [name for name, count in zip(marked.columns, marked.sum().row(0), strict=True) if count]
    return [_of_expression(by_id[name], level, frame.filter(marked[name]), tests[name]) for name in hit]


def _where(rule: Rule, broken: Broken) -> pl.Expr:
    """The rows of the rule's kinds of files and dates that break it; silent where the answer is null."""
    where = broken.where & pl.col("file_kind").is_in(rule.kinds) if rule.kinds else broken.where
    dated = rule.holds(pl.col("dschet" if rule.level == "file" else "date_z_2"))
    return (where if dated is None else where & dated).fill_null(value=False)


def _of_expression(rule: Rule, level: str, rows: pl.DataFrame, broken: Broken) -> pl.DataFrame:
    return stated(rule, level, rows.select(_shown(rule, level, broken)))


def _shown(rule: Rule, level: str, broken: Broken) -> list[pl.Expr]:
    """What a finding shows of its row: the key of the level, value, element, params."""
    value = pl.col(tag_of(rule.element).lower()) if broken.value is None else broken.value
    element = pl.lit(rule.element) if broken.element is None else broken.element
    return [
        pl.col(KEYS[level]),
        value.cast(pl.String).alias("value"),
        element.alias("element"),
        params_of(broken.params).alias("params"),
    ]


def evaluate_tables(run: Run, chosen: Iterable[Rule]) -> list[pl.DataFrame]:
    """Broken rows (`stated`) of all rules that are functions over tables."""
    found = []
    here = set(run.view.files["file_kind"].drop_nulls())
    for rule in chosen:
        if rule.kinds and here.isdisjoint(rule.kinds):
            continue
        answer = TABLES[rule.id](run, rule)
        parts = [(rule.level, answer)] if isinstance(answer, pl.DataFrame) else answer
        found += [stated(rule, level, rows) for level, rows in parts if rows.height]
    return found


def note_refused(run: Run, found: pl.DataFrame) -> None:
    """Notes for the cascades which cases are refused and why (z_row, code): by earlier passes and by findings of this one."""
    here = found.filter(pl.col("code").is_not_null() & pl.col("z_row").is_not_null()).select("z_row", "code")
    before = run.view.tables.get("refused")
    parts = (
        [here]
        if before is None
        else [here, before.select(pl.col("case_key").alias("z_row"), pl.col("ground_code").alias("code"))]
    )
    run.memo["refused"] = pl.concat(parts).unique().sort("z_row", "code")


def all_findings(run: Run, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Findings of all broken rows, sorted."""
    by_level: dict[str, list[pl.DataFrame]] = {}
    for part in parts:
        if part.height:
            by_level.setdefault(str(part["level"][0]), []).append(part)
    return findings.concat([placed(run.view, level, pl.concat(rows, how="diagonal")) for level, rows in by_level.items()])
