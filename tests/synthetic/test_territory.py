"""Is the territory the same for the same seed, valid where it claims to be, and does its truth add up?"""

from __future__ import annotations

import ast
import csv
import zipfile
from pathlib import Path

import polars as pl
import pytest
from lxml import etree

from omsclaims import contract
from omsclaims.registry.reader import read_package
from omsclaims.synthetic import territory
from tests.synthetic.synthetic_made import Made

ROOT = Path(__file__).parents[2]
XSD = ROOT.parent / "shared" / "xsd"


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 11), ("two", 11), ("three", 12)):
        territory.build(tmp_path / name, 300, seed)
    one, two, three = (_bytes(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one.keys() != three.keys() or one["planted.csv"] != three["planted.csv"]
    assert one["registers/reg_insured.parquet"] != three["registers/reg_insured.parquet"]


@pytest.mark.parametrize("seed", [1, 5, 8])
def test_the_smallest_territory_builds(tmp_path: Path, seed: int) -> None:
    summary = territory.build(tmp_path, 200, seed)
    assert [month.month for month in summary.months] == ["2022-02", "2022-03"]
    assert summary.months[1].cases >= 200
    assert summary.persons == territory.FEWEST_PERSONS


def test_fewer_than_200_cases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 200"):
        territory.build(tmp_path, 199)


def test_neither_tariffs_nor_checks_are_imported() -> None:
    for path in (ROOT / "omsclaims" / "synthetic").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith(("omsclaims.tariffs", "omsclaims.checks", "omsclaims.settlement")), (path, name)


def _schema(stem: str, version: str | None) -> str:
    if stem.startswith("L"):
        return "L_3.2"
    return {"H": f"H_{version}", "T": "T_3.1", "C": "C_3.1", "D": "X_3.1_2021-08"}[stem[0]]


def test_everything_but_the_planted_structure_is_valid_by_the_schemas(made: Made) -> None:
    if not XSD.is_dir():
        pytest.skip("../shared is not here: no schemas to validate with")
    schemas: dict[str, etree.XMLSchema] = {}
    seen: set[str] = set()
    broken = {(row["package"], row["n_zap"]) for row in made.planted if row["rule"].startswith("S.") and row["n_zap"]}
    added = _added(made)
    # A birth date of 1901 is no date for the schema, which begins its dates in 1900 and is content.
    for path in sorted((made.folder / "packages").glob("*/*.zip")):
        if path.stem not in made.packages:
            continue
        with zipfile.ZipFile(path) as opened:
            for name in opened.namelist():
                document = etree.fromstring(opened.read(name))
                kind = _schema(name, document.findtext("ZGLV/VERSION"))
                seen.add(kind)
                if kind not in schemas:
                    schemas[kind] = etree.XMLSchema(etree.parse(str(XSD / f"{kind}.xsd")))
                for record in document.findall("ZAP"):
                    if (path.stem, record.findtext("N_ZAP")) in broken:
                        document.remove(record)
                _without_added(document, added.get(kind, []))
                if kind.startswith("L") or document.find("ZAP") is not None:  # else the package was made for a defect alone
                    schemas[kind].validate(document)
                assert not schemas[kind].error_log, (name, schemas[kind].error_log[0])
    assert seen == {"H_3.1", "H_3.2", "T_3.1", "C_3.1", "X_3.1_2021-08", "L_3.2"}


def _added(made: Made) -> dict[str, list[dict[str, str]]]:
    """What the territory adds to editions: the schemas do not know it."""
    found = {}
    for path in (made.folder / "agreement" / "formats").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as stream:
            found[path.stem] = list(csv.DictReader(stream))
    assert found
    return found


def _without_added(document: etree._Element, lines: list[dict[str, str]]) -> None:
    """Takes away elements that the territory has added, and records without one that it lets be absent."""
    for line in lines:
        path = line["path"]
        if line["op"] == "add":
            for element in document.findall(path):
                element.getparent().remove(element)  # type: ignore[union-attr]
        else:
            above, _, tag = path.removeprefix("ZAP/").rpartition("/")
            for record in document.findall("ZAP"):
                if any(one.find(tag) is None for one in record.findall(above)):
                    document.remove(record)


def test_packages_are_read_and_refused_as_the_truth_says(made: Made) -> None:
    for name, read in made.packages.items():
        assert not read.refused, name
    whole = [row for row in made.planted if not row["n_zap"] and row["rule"] not in ("S.913", "W.1")]
    structure = {"S.801", "S.803", "S.806", "S.807", "S.810", "S.915", "S.916"}
    # C084 and C085 send the package back, the others refuse every case of it.
    assert {row["rule"] for row in whole} == structure | {"C084", "C085", "C086", "C101", "C102", "W.5"}
    for row in (row for row in whole if row["rule"] in structure):
        read = read_package(made.folder / "packages" / "2022-03" / f"{row['package']}.zip")
        assert read.refused
        assert read.findings["rule"].to_list() == [row["rule"]]


def test_structure_findings_are_exactly_the_planted_ones(made: Made) -> None:
    keys = ["package", "n_zap", "idcase", "sl_id", "idserv", "rule", "code", "element"]
    found = pl.concat([read.findings for read in made.packages.values()])
    left = sorted(tuple("" if v is None else str(v) for v in row) for row in found.select(keys).iter_rows())
    planted = [row for row in made.planted if row["rule"].startswith("S.") and row["package"] in made.packages]
    assert left == sorted(tuple(row[key] for key in keys) for row in planted)


def test_truth_adds_up(made: Made) -> None:
    with (made.folder / "truth.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for month in ("2022-02", "2022-03"):
        sums = {}
        for grain in ("package", "payment"):
            part = [row for row in rows if row["month"] == month and row["grain"] == grain]
            sums[grain] = tuple(
                sum(int(row[name]) for row in part) for name in ("cases", "billed_kop", "refused_kop", "accepted_kop")
            )
            for row in part:
                assert int(row["billed_kop"]) == int(row["refused_kop"]) + int(row["accepted_kop"])
        assert sums["package"] == sums["payment"]
        elsewhere = [row for row in rows if row["month"] == month and row["payer"] == "75"]
        bills = [row for row in rows if row["month"] == month and row["grain"] == "territory"]
        assert {row["territory"] for row in bills} <= {"03", "38", "54"}
        # The fund also stands for people nobody knows, whose care is refused.
        assert sum(int(row["accepted_kop"]) for row in bills) == sum(int(row["accepted_kop"]) for row in elsewhere)
    for row in rows:
        if row["grain"] == "package":
            header = made.packages[row["package"]].tables["file"]
            assert header["summav"][0] == int(row["billed_kop"])
            assert header["sd_z"][0] == int(row["cases"])


def test_refused_money_is_that_of_the_cases_with_a_ground(made: Made) -> None:
    refused = {(row["package"], row["n_zap"], row["idcase"]) for row in made.planted if row["refused"] == "1" and row["n_zap"]}
    whole = {row["package"] for row in made.planted if row["refused"] == "1" and not row["n_zap"] and row["rule"] != "W.1"}
    total = 0
    for name, read in made.packages.items():
        cases = read.tables["z_sl"].join(read.tables["zap"].select(pl.col("_row").alias("_parent"), "n_zap"), on="_parent")
        for n_zap, idcase, sumv in cases.select("n_zap", "idcase", "sumv").iter_rows():
            if name in whole or (name, str(n_zap), str(idcase)) in refused:
                total += sumv
    with (made.folder / "truth.csv").open(encoding="utf-8", newline="") as stream:
        assert total == sum(int(row["refused_kop"]) for row in csv.DictReader(stream) if row["grain"] == "package")


def test_registers_have_the_columns_of_the_contract(made: Made) -> None:
    names = {path.stem for path in (made.folder / "registers").iterdir()}
    always = "insured attachment clinic insurer licence plan advance funding opening"
    assert {f"reg_{name}" for name in always.split()} <= names <= {name for name in contract.TABLES if name.startswith("reg_")}
    for path in (made.folder / "registers").iterdir():
        columns = (pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)).columns
        assert columns == list(contract.TABLES[path.stem].columns)


def test_opening_balances_sum_to_zero_by_party_and_pair(made: Made) -> None:
    rows = pl.read_csv(made.folder / "registers" / "reg_opening.csv")
    party = rows.with_columns(party=pl.col("account").str.extract("^([^/]+)")).group_by("party").agg(pl.col("amount_kop").sum())
    assert party["amount_kop"].to_list() == [0] * party.height
    assert rows.filter(pl.col("account").str.contains("entrusted"))["amount_kop"].sum() == 0
