"""How does a clean case become a defective one, and what must then be found? The workshop that the list of defects works in.

A defect is put into one clean case of a person that no other defect touches, so that its consequences are few and known. Every
finding that must appear is a `Row`; the cases that must be refused follow from the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from omsclaims.synthetic import catalogue, deal
from omsclaims.synthetic.care import SCHEMAS, SMALL, Plan, Tables
from omsclaims.synthetic.people import Bools, Ints, People, ages, attached

SL_PATH: Final = "ZAP/Z_SL/SL/"
#: Profiles of visits that no rule about age or sex speaks of.
CALM_PROFILES: Final = (97, 57, 53, 112, 171, 65, 162)
#: Number of the first package that a defect makes for itself.
_FIRST_OWN: Final = 11
#: How often other cases are tried where a defect did not work out.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Expect:
    """A finding: rule, ground, element, at which level (case, sl, usl, file), and of which SL and USL."""

    rule: str
    code: str
    element: str
    level: str = "sl"
    sl_no: int = 1
    usl_no: int = 1


@dataclass(slots=True)
class Row:
    """A planted row before the numbers of its case in the file are known."""

    plant: int
    role: str
    case: int | None
    sl_no: int | None
    usl_no: int | None
    expect: Expect
    note: str
    package: str | None = None
    month: str | None = None


@dataclass
class Tree:
    """A case as nested rows: z, then per SL its row, USL rows and small tables; exceptions and extra elements; person edits."""

    z: dict[str, Any]
    sls: list[dict[str, Any]]
    usls: dict[int, list[dict[str, Any]]]
    small: dict[str, list[dict[str, Any]]]
    exceptions: list[tuple[str, int, int, str, str, str]] = field(default_factory=list)  # table, sl_no, usl_no, column, raw, kind
    extra: list[tuple[str, int, str, str, str]] = field(default_factory=list)  # table, sl_no, path, after, text
    person: dict[str, Any] | None = None  # own PERS row: what differs from the person's
    lost_person: bool = False  # no PERS row
    no_device: bool = False  # services that implant something say nothing of the device
    repeats: str = ""  # n_zap or idcase taken from the case before

    @property
    def case(self) -> int:
        """Number of the case in the month."""
        return int(self.z["case"])

    @property
    def sl(self) -> dict[str, Any]:
        """The first SL."""
        return self.sls[0]

    @property
    def usl(self) -> dict[str, Any]:
        """The first USL of the first SL."""
        return self.usls[1][0]

    def copy(self, case: int) -> Tree:
        """The same case under another number, with a chart number of its own."""

        def renumbered(row: dict[str, Any]) -> dict[str, Any]:
            return {**row, "case": case}

        def of_sl(row: dict[str, Any]) -> dict[str, Any]:
            chart = row["nhistory"].partition("/")[0] + f"/{case}"
            return {**renumbered(row), "sl_id": f"{case}-{row['sl_no']}", "nhistory": chart}

        return Tree(
            renumbered(self.z), [of_sl(row) for row in self.sls],
            {no: [renumbered(row) for row in rows] for no, rows in self.usls.items()},
            {name: [renumbered(row) for row in rows] for name, rows in self.small.items()},
        )  # fmt: skip

    def set_workers(self) -> None:
        """Where a defect has changed the clinic or a specialty, workers of that clinic and specialty stand in the case."""
        for sl in self.sls:
            sl["iddokt"] = _worker(sl["iddokt"], self.z["lpu"], sl["prvs"])
            for usl in self.usls.get(sl["sl_no"], []):
                usl["code_md"] = _worker(usl["code_md"], self.z["lpu"], usl["prvs"])

    def set_total(self) -> None:
        """SUMV from SUM_M."""
        self.z["sumv"] = sum(row["sum_m"] for row in self.sls)

    def shift(self, begin: date, end: date) -> None:
        """Puts a case of one SL on other days; of a stay only the first service remains, which lasts as long as the stay."""
        self.z.update(date_z_1=begin, date_z_2=end)
        self.sl.update(date_1=begin, date_2=end)
        if self.z["usl_ok"] == 1:
            self.usls[1] = self.usls[1][:1]
        for usl in self.usls[1]:
            usl.update(date_in=begin, date_out=end)
        for cons in self.small.get("cons", []):
            cons["dt_cons"] = begin
        if self.z["npr_date"] is not None and self.z["npr_date"] > begin:
            self.z["npr_date"] = begin
        days = max((end - begin).days, 1)
        if self.sl["kd"] is not None:
            self.sl["kd"] = days * 10
            self.z["kd_z"] = days


def _worker(code: str | None, mo: str, prvs: int | None) -> str | None:
    """The worker of the same number in the clinic and specialty; who stands in no register by design stays as he is."""
    known = mo in catalogue.CLINICS or mo == catalogue.CLOSED_CLINIC
    if code is None or not known or prvs not in catalogue.SPECIALTIES or not 1 <= int(code[-3:]) <= catalogue.DOCTORS:
        return code
    return catalogue.doctor(mo, prvs, int(code[-3:]))


def reprice(tree: Tree, age: int | None = None, sex: int | None = None) -> None:
    """What the agreement gives for the case as it now stands (one SL)."""
    z, sl = tree.z, tree.sl
    kind, mo = z["kind"], z["lpu"]
    if kind in ("visit", "episode"):
        price = deal.outpatient_price(kind, sl["profil"], sl["p_cel"], mo)
        if kind == "visit":
            tree.usl.update(tarif=price, sumv_usl=price)
    elif kind in ("ksg_inpatient", "ksg_day"):
        kslp = tuple(row["idsl"] for row in tree.small.get("sl_koef", []))
        price = deal.ksg_price(sl["n_ksg"], mo, z["rslt"], _days(tree), kslp)
        names = ("koef_z", "koef_up", "koef_u", "koef_d")
        sl.update({name: deal.units5(text) for name, text in zip(names, deal.ksg_factors(sl["n_ksg"], mo), strict=True)})
    elif kind == "exam" and age is not None and sex is not None:
        price = deal.exam_price(z["letters"], sex, age)
    elif kind == "call":
        price = deal.call_price(z["vidpom"])
    else:
        raise ValueError(f"{kind} is not priced again")
    sl.update(tarif=price, sum_m=price)
    tree.set_total()


def _days(tree: Tree) -> int:
    """Days of the group: the stay of a hospital, the patient-days of a day hospital (law.md 8.7)."""
    if tree.z["usl_ok"] == 2:
        return int(tree.sl["kd"]) // 10
    return max(int((tree.sl["date_2"] - tree.sl["date_1"]).days), 1)


def full_price(tree: Tree) -> int:
    """Price of a КСГ case without the share of an interrupted one."""
    kslp = tuple(row["idsl"] for row in tree.small.get("sl_koef", []))
    price: int = deal.ksg_price(tree.sl["n_ksg"], tree.z["lpu"], tree.z["rslt"], _days(tree), kslp, whole=True)
    return price


@dataclass
class Shared:
    """What the two months share: persons that a defect has touched, cases per person in both months, registers."""

    claimed: Bools
    total: Ints
    staged: set[int] = field(default_factory=set)  # persons with a second stage, which leans on a first that must be accepted
    # What the registers hold otherwise than the clean cases say: vouchers by number; rows of notices and receipts.
    vouchers: dict[str, dict[str, Any]] = field(default_factory=dict)
    accidents: list[tuple[Any, ...]] = field(default_factory=list)
    receipts: list[tuple[Any, ...]] = field(default_factory=list)


class Ward:
    """The cases of a month at hand for planting: arrays of what defects ask for, one element per clean case."""

    def __init__(self, tables: Tables, people: People, plan: Plan, shared: Shared, rng: np.random.Generator) -> None:
        self.tables, self.people, self.plan, self.shared, self.rng = tables, people, plan, shared, rng
        z = tables["z"]
        self.case = z["case"].to_numpy()
        self.person = z["person"].to_numpy()
        first = tables["sl"].filter(pl.col("sl_no") == 1)
        assert first["case"].to_list() == z["case"].to_list(), "tables are sorted by case"
        for name in ("kind", "letters", "clinic", "package"):
            setattr(self, name, z[name].to_numpy())
        for name in ("usl_ok", "rslt", "for_pom", "vpolis", "idsp"):
            setattr(self, name, z[name].fill_null(0).to_numpy())
        self.profil = first["profil"].fill_null(0).to_numpy()
        for name in ("n_ksg", "ds1", "p_cel"):
            setattr(self, name, first[name].fill_null("").to_numpy())
        self.sent_on = np.isin(self.case, tables["naz"]["case"].to_numpy())
        self.standard = np.isin(self.case, tables["code_mes1"]["case"].to_numpy())
        usl = tables["usl"].filter((pl.col("sl_no") == 1) & (pl.col("usl_no") == 1)).select("case", "code_usl")
        self.code_usl = z.select("case").join(usl, on="case", how="left", maintain_order="left")["code_usl"].to_numpy()
        self.kslp = first["it_sl"].is_not_null().to_numpy()
        self.begin = z["date_z_1"].to_numpy().astype("datetime64[D]")
        self.end = z["date_z_2"].to_numpy().astype("datetime64[D]")
        self.days = (self.end - self.begin).astype(np.int64)
        self.age = ages(people.born[self.person], self.begin)
        self.sex = people.sex[self.person]
        self.own = people.own[self.person]
        self.grown = z["novor"].to_numpy() == "0"
        self.one_sl = ~np.isin(self.case, tables["sl"].filter(pl.col("sl_no") > 1)["case"].to_numpy())
        counts = np.bincount(self.person, minlength=people.count)
        self.alone = (shared.total[self.person] == 1) & (counts[self.person] == 1)
        # The last care of the person: nothing of March follows a case of February.
        latest = z.select(pl.col("date_z_2").max().over("person") == pl.col("date_z_2")).to_series().to_numpy()
        self.final = latest & ((plan.month.month == 3) | (shared.total[self.person] == counts[self.person]))
        self.steady = np.isnat(people.change[self.person])
        self.even = np.array([int(mo) % 2 == 0 for mo in self.clinic])
        old = catalogue.OLD_VERSION[str(plan.month)]
        self.new_version = np.isin(self.letters, ("H", "DP", "DO", "DV")) & ~((self.letters == "H") & np.isin(self.clinic, old))
        self.alive = ~np.isin(self.person, np.array(list(people.died), dtype=np.int64))
        self.calm = (
            (self.kind == "visit") & (self.letters == "H") & (self.age >= 25) & (self.age <= 55) & self.steady & self.grown
        )
        self.calm &= np.isin(self.profil, CALM_PROFILES) & ~np.isin(self.clinic.astype(str), catalogue.BY_REFERRAL)
        shared.staged.update(self.person[self.letters == "DV"].tolist())
        self.referred = z["npr_mo"].is_not_null().to_numpy()
        lowest = z.select(pl.col("case").min().over("package") == pl.col("case")).to_series()
        self.first = lowest.to_numpy()
        self.sl_rows = _starts(tables["sl"], self.case)
        self.usl_rows = _starts(tables["usl"], self.case)
        self.small = {name: tables[name].sort("case", "sl_no", maintain_order=True) for name in SMALL}
        self.small_rows = {name: _starts(table, self.case) for name, table in self.small.items()}
        self.changed: dict[int, Tree] = {}
        self.added: list[Tree] = []
        self.rows: list[Row] = []
        self.next_case = int(self.case.max()) + 1
        self.before: Ward | None = None  # the month before, and the position there of the case that a defect of history draws
        self.origin = -1
        self.spare_persons: list[tuple[str, int]] = []
        self.headers: dict[str, dict[str, Any]] = {}  # packages of their own: what their header says instead

    # Arrays set by name in __init__.
    kind: Any
    n_ksg: Any
    ds1: Any
    p_cel: Any
    letters: Any
    clinic: Any
    package: Any
    usl_ok: Any
    rslt: Any
    for_pom: Any
    vpolis: Any
    idsp: Any

    def draw(self, mask: Bools, count: int) -> list[int]:
        """Up to `count` positions of cases under `mask`, each of another person that nothing has touched yet; they are
        claimed.
        """
        found: list[int] = []
        free = np.flatnonzero(mask & ~self.shared.claimed[self.person])
        for position in self.rng.permutation(free)[: 4 * count + 8].tolist():
            if len(found) == count:
                break
            person = int(self.person[position])
            if not self.shared.claimed[person]:
                self.shared.claimed[person] = True
                found.append(position)
        return found

    def tree(self, position: int) -> Tree:
        """The case at a position as a tree of its own."""
        sls = self.tables["sl"][self.sl_rows[position] : self.sl_rows[position + 1]].to_dicts()
        usls: dict[int, list[dict[str, Any]]] = {}
        for row in self.tables["usl"][self.usl_rows[position] : self.usl_rows[position + 1]].to_dicts():
            usls.setdefault(row["sl_no"], []).append(row)
        small = {name: self.small[name][rows[position] : rows[position + 1]].to_dicts() for name, rows in self.small_rows.items()}
        small = {name: rows for name, rows in small.items() if rows}
        return Tree(self.tables["z"].row(position, named=True), sls, usls, small)

    def touch(self, position: int) -> Tree:
        """The tree of a case that will be replaced by what becomes of the tree."""
        tree = self.tree(position)
        self.changed[tree.case] = tree
        return tree

    def add(self, tree: Tree) -> Tree:
        """Puts one more case into the month; it comes after the clean cases of its package."""
        self.added.append(tree)
        return tree

    def clone(self, tree: Tree) -> Tree:
        """A copy of a case, added to the month."""
        copy = tree.copy(self.next_case)
        self.next_case += 1
        return self.add(copy)

    def own_person(self, tree: Tree, **edits: Any) -> None:
        """Gives a case a PERS row of its own, in which `edits` differ."""
        tree.z["id_pac"] = f"X{tree.case:08d}"
        tree.person = edits

    def own_package(self, tree: Tree, **header: Any) -> None:
        """Puts a case into a package of its own of the same clinic; `header` stands in the place of what it would say."""
        stem = tree.z["package"][:-2]
        taken = sum(package.startswith(stem) for package in self.headers)
        tree.z["package"] = f"{stem}{_FIRST_OWN + taken:02d}"
        self.headers[tree.z["package"]] = header

    def refer(self, tree: Tree) -> None:
        """A referral of an own person comes from the clinic of attachment on the last day."""
        person = tree.z["person"]
        if tree.z["npr_mo"] is not None and self.people.own[person]:
            tree.z["npr_mo"] = attached(self.people, np.array([person]), tree.z["date_z_2"])[0]

    def insure(self, tree: Tree, person: int) -> None:
        """Makes the patient of a case another person, with the policy of the last day."""
        people, z = self.people, tree.z
        day = np.array([z["date_z_2"]], dtype="datetime64[D]")
        smo = people.smo_on(np.array([person]), day)[0]
        age = int(ages(people.born[[person]], np.array([z["date_z_1"]], dtype="datetime64[D]"))[0])
        own = bool(people.own[person])
        okato = catalogue.OKATO if own else catalogue.OTHERS[people.home[person]][0]
        unknown = bool(people.without_smo[person])
        z.update(
            person=person, id_pac=f"P{person:08d}", vpolis=int(people.vpolis[person]), spolis=people.series[person],
            npolis=people.number[person], enp=people.enp[person] if people.vpolis[person] == 3 else None, smo=smo,
            st_okato=okato if people.vpolis[person] == 1 else None, smo_ok=okato if unknown else None,
        )  # fmt: skip
        self.refer(tree)
        child = int(age < 18)
        for sl in tree.sls:
            sl["det"] = child
        for rows in tree.usls.values():
            for usl in rows:
                usl["det"] = child

    def expect(self, tree: Tree | None, expects: Sequence[Expect], note: str = "") -> None:
        """Writes down what must be found: the first is the defect, the others its consequences."""
        plant = self.rows[-1].plant + 1 if self.rows else 1
        for number, expect in enumerate(expects):
            of_sl, of_file = expect.level in ("sl", "usl"), expect.level == "file"
            self.rows.append(
                Row(
                    plant, "primary" if number == 0 else "consequence", None if tree is None or of_file else tree.case,
                    expect.sl_no if of_sl else None, expect.usl_no if expect.level == "usl" else None, expect, note,
                    package=tree.z["package"] if tree is not None and of_file else None,
                )
            )  # fmt: skip

    def result(self) -> tuple[Tables, list[Tree]]:
        """Tables with changed cases in their new form and added ones behind, and all trees that carry marks beside the tables."""
        trees = [*self.changed.values(), *self.added]
        for tree in trees:
            tree.set_workers()
        replaced = pl.Series(sorted(self.changed), dtype=pl.Int64)
        tables: Tables = {}
        for name, schema in SCHEMAS.items():
            kept = self.tables[name].filter(~pl.col("case").is_in(replaced.implode()))
            rows = [row for tree in trees for row in _rows(tree, name)]
            made = pl.DataFrame(rows, schema=schema, orient="row") if rows else self.tables[name].clear()
            tables[name] = pl.concat([kept, made.select(list(schema))])
        return tables, trees


def _rows(tree: Tree, name: str) -> list[dict[str, Any]]:
    if name == "z":
        return [tree.z]
    if name == "sl":
        return tree.sls
    if name == "usl":
        return [row for rows in tree.usls.values() for row in rows]
    return tree.small.get(name, [])


def _starts(table: pl.DataFrame, cases: Ints) -> Ints:
    """First row of each case in a table sorted by case, and the end."""
    column = table["case"].to_numpy()
    return np.append(np.searchsorted(column, cases, side="left"), len(column))


@dataclass(frozen=True)
class Defect:
    """One way to break one rule.

    pick      which cases can take it (mask over the ward)
    change    what is done; it may return the expectations, else `expects` hold; None as a result means that it did not work out
    february  whether it is planted in February, too
    sound     nothing is wrong with what is done: it stands beside a defect as what must not be found
    """

    name: str
    pick: Callable[[Ward], Bools]
    change: Callable[[Ward, Tree], Sequence[Expect] | None]
    february: bool = True
    clones: bool = False
    history: bool = False
    sound: bool = False


def plant(ward: Ward, defects: Sequence[Defect], counts: dict[str, int], before: Ward | None) -> None:
    """Puts `counts[name]` defects of each kind into the month, as far as there are cases for them.

    A defect that `clones` leaves the drawn case as it is and adds another one. One of `history` draws its case from the month
    before (`before`), where it stays, and adds a case here.
    """
    ward.before = before
    for defect in defects:
        source = before if defect.history else ward
        if source is None:
            continue
        wanted = counts.get(defect.name, 0)
        for _ in range(_TRIES):
            # What did not work out in a case - no model for a second one, say - is tried in others.
            wanted -= sum(_put(ward, source, defect, position) for position in source.draw(defect.pick(source), wanted))
            if not wanted:
                break


def _put(ward: Ward, source: Ward, defect: Defect, position: int) -> bool:
    """Puts a defect into one case; whether it worked out."""
    rows = len(ward.rows)
    tree = source.tree(position) if defect.clones or defect.history else ward.touch(position)
    if defect.history:
        ward.origin = position
        _into_month(tree, ward)
    if defect.clones or defect.history:
        tree = ward.clone(tree)
    expects = defect.change(ward, tree)
    if defect.history or tree.z["date_z_2"] < ward.plan.month.first:
        ward.refer(tree)  # it ends in another month than the case that was drawn
    if expects:
        ward.expect(tree, expects, defect.name)
    return len(ward.rows) > rows or defect.sound


def _into_month(tree: Tree, ward: Ward) -> None:
    """Makes a case of an earlier month one of this month's bill of the same clinic."""
    month = ward.plan.month
    stem = tree.z["package"].partition("_")[0]
    tree.z["package"] = f"{stem}_{month.year % 100:02d}{month.month:02d}01"


def day(value: Any) -> date:
    """A date of the arrays as a date."""
    return np.datetime64(value, "D").astype(object)  # type: ignore[no-any-return]


def later(when: date, days: int) -> date:
    """`when` plus days."""
    return when + timedelta(days=days)
