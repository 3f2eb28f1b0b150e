"""Does a month close end to end: found = planted, money to the kopeck, the same digest every time, files that validate?"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from lxml import etree

from omsclaims import closing, intake, truth
from omsclaims.cli import demo
from omsclaims.law import federal_parameters
from omsclaims.periods import Month
from omsclaims.registry import reader
from omsclaims.workspace import Workspace, WorkspaceError, sha256_file
from tests.conftest import SHARED, Closed, MakeTerritory, close_months

MONTHS = [str(month) for month in demo.MONTHS]
MARCH = demo.MONTHS[1]


def differences(comparison: truth.Comparison) -> str:
    return "\n".join(truth.lines(comparison, "en", details=20))


def test_found_is_planted_and_the_money_agrees(closed: Closed) -> None:
    comparison = truth.compare(closed.made, closed.folder, MONTHS)
    assert comparison.agrees, differences(comparison)
    assert comparison.planted.height > 250
    assert comparison.planted["rule"].n_unique() > 75


@pytest.mark.parametrize("seed", [2, 3])
def test_found_is_planted_on_other_seeds(make_territory: MakeTerritory, tmp_path: Path, seed: int) -> None:
    other = close_months(make_territory(800, seed), tmp_path / "ws")
    comparison = truth.compare(other.made, other.folder, MONTHS)
    assert comparison.agrees, differences(comparison)


def test_the_comparison_sees_a_single_change(closed: Closed, tmp_path: Path) -> None:
    """Found = planted proves something only if one row more, one row less and one kopeck show."""
    made = tmp_path / "made"
    made.mkdir()
    planted = pl.read_csv(closed.made / "planted.csv", infer_schema=False)
    money = pl.read_csv(closed.made / "truth.csv", infer_schema=False)
    planted.slice(1).write_csv(made / "planted.csv")
    first = money.with_row_index().filter(pl.col("grain") == "payment")["index"][0]
    changed = pl.when(pl.int_range(pl.len()) == first).then(pl.lit("1")).otherwise(pl.col("accepted_kop"))
    money.with_columns(accepted_kop=changed).write_csv(made / "truth.csv")
    comparison = truth.compare(made, closed.folder, MONTHS)
    assert (comparison.missing.height, comparison.surplus.height, len(comparison.money_differences)) == (0, 1, 1)
    pl.concat([planted, planted.head(1)]).write_csv(made / "planted.csv")
    again = truth.compare(made, closed.folder, MONTHS)
    assert (again.missing.height, again.surplus.height) == (1, 0)


def test_identities_hold_to_the_kopeck(closed: Closed) -> None:
    for month, done in closed.closings.items():
        names = [identity.name for identity in done.identities]
        assert len(names) > 12
        assert {
            "sum_m_sumv",
            "sumv_summav",
            "sumv_usl_sum_m",
            "billed_accepted_refused",
            "act_121",
            "act_132",
            "ledger_zero",
        } <= set(names)
        assert all(identity.holds for identity in done.identities), month
        assert sum(identity.left for identity in done.identities if identity.name == "sumv_summav") > 0


def test_closing_again_changes_nothing(closed: Closed) -> None:
    with Workspace.open(closed.folder) as workspace:
        before = workspace.rows("SELECT count(*) FROM chain")
    with Workspace.writing(closed.folder) as workspace:
        again = closing.close(workspace, MARCH, demo.AS_OF, "tester", lang="ru")
    assert again.outcome == "identical"
    assert again.digest == closed.closings[str(MARCH)].digest
    with Workspace.open(closed.folder) as workspace:
        assert workspace.rows("SELECT count(*) FROM chain") == before


def test_a_changed_input_that_comes_to_the_same_is_named(closed: Closed, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    shutil.copytree(closed.folder, folder)
    with Workspace.writing(folder) as workspace:
        register = workspace.registers()[0]["reg_clinic"]
        extra = register.head(1).with_columns(mo=pl.lit("750999"), name=pl.lit("bills nothing"))
        workspace.store_register("reg_clinic", pl.concat([register, extra]), demo.AS_OF)
        workspace.record("register load", demo.AS_OF, "tester", None, {})
    with Workspace.writing(folder) as workspace:
        again = closing.close(workspace, MARCH, demo.AS_OF, "tester")
    assert (again.outcome, again.differences) == ("identical", [("registers", "reg_clinic", "changed")])


def test_neither_order_nor_processes_show(closed: Closed, tmp_path: Path) -> None:
    other = close_months(closed.made, tmp_path / "ws", threads=2, backwards=True)
    with Workspace.open(closed.folder) as one, Workspace.open(other.folder) as two:
        for month in MONTHS:
            names = set(one.run(month).inputs["outputs"])  # type: ignore[union-attr]
            # The keys of persons are made with the secret of each workspace; everything else must be equal.
            for name in names:
                if name in ("postings", "balances", "payments", "act_121", "act_132", "territory_bills", "financing"):
                    assert one.ledger_table(name, month).equals(two.ledger_table(name, month)), name
                else:
                    left, right = one.run_table(month, name), two.run_table(month, name)
                    drop = [column for column in left.columns if column == "person_key"]
                    keys = [column for column in left.columns if column not in drop]
                    assert left.select(keys).sort(keys).equals(right.select(keys).sort(keys)), name


def test_the_same_secret_gives_the_same_digest(closed: Closed, tmp_path: Path) -> None:
    """Two workspaces with one secret: other order of files, other number of processes, the same digest."""
    folder = tmp_path / "ws"
    demo.prepare(closed.made, folder)
    shutil.copyfile(closed.folder / "secret.key", folder / "secret.key")
    digests = {}
    for month in demo.MONTHS:
        files = sorted((closed.made / "packages" / str(month)).rglob("*.zip"), reverse=True)
        with Workspace.writing(folder) as store:
            intake.ingest(store, files, demo.AS_OF, "tester", threads=2)
        with Workspace.writing(folder) as store:
            digests[str(month)] = closing.close(store, month, demo.AS_OF, "tester", lang="en").digest
    assert digests == {month: done.digest for month, done in closed.closings.items()}


def test_a_changed_input_is_shown_before_anything_is_replaced(closed: Closed, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    shutil.copytree(closed.folder, folder)
    with Workspace.writing(folder) as workspace:
        register = workspace.registers()[0]["reg_licence"]
        workspace.store_register("reg_licence", register.head(register.height // 2), demo.AS_OF)
        workspace.record("register load", demo.AS_OF, "tester", None, {})
    with Workspace.writing(folder) as workspace:
        differs = closing.close(workspace, MARCH, demo.AS_OF, "tester")
        assert differs.outcome == "differs"
        assert ("registers", "reg_licence", "changed") in differs.differences
        assert ("outputs", "decisions", "changed") in differs.differences
        assert workspace.run(str(MARCH)).digest == closed.closings[str(MARCH)].digest  # type: ignore[union-attr]
        with pytest.raises(WorkspaceError) as raised:
            closing.close(workspace, MARCH, demo.AS_OF, "tester", replace=True)
        assert raised.value.key == "month.why"
    with Workspace.writing(folder) as workspace:
        replaced = closing.close(workspace, MARCH, demo.AS_OF, "tester", why="licences corrected", replace=True)
        assert replaced.outcome == "replaced"
        assert workspace.run(str(MARCH)).digest == replaced.digest  # type: ignore[union-attr]
        kinds = [row[0] for row in workspace.rows("SELECT kind || ':' || coalesce(why, '') FROM chain ORDER BY seq")]
        assert kinds[-2:] == ["reopen:licences corrected", "close:licences corrected"]
        assert workspace.chain_breaks() == []


def test_months_are_closed_and_opened_in_order(closed: Closed, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    demo.prepare(closed.made, folder)
    with Workspace.writing(folder) as workspace:
        for month in MONTHS:
            files = sorted((closed.made / "packages" / month).glob("*.zip"))[:3]
            intake.ingest(workspace, files, demo.AS_OF, "tester")
        with pytest.raises(WorkspaceError) as raised:
            closing.close(workspace, MARCH, demo.AS_OF, "tester")
        assert raised.value.key == "month.earlier_open"
        with pytest.raises(WorkspaceError) as raised:
            closing.close(workspace, Month(2022, 5), demo.AS_OF, "tester")
        assert raised.value.key == "month.empty"
    with Workspace.writing(closed.folder) as workspace, pytest.raises(WorkspaceError) as raised:
        closing.reopen(workspace, demo.MONTHS[0], demo.AS_OF, "tester", "reason")
    assert raised.value.key == "month.later_closed"


def test_an_insurer_takes_in_packages_and_closes_no_month(closed: Closed, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    Workspace.create(folder, "75", "insurer", demo.AS_OF, "tester")
    package = sorted((closed.made / "packages" / MONTHS[0]).glob("HM*.zip"))[0]
    with Workspace.writing(folder) as workspace:
        assert [one.state for one in intake.ingest(workspace, [package], demo.AS_OF, "tester")] == ["accepted"]
    with Workspace.writing(folder) as workspace, pytest.raises(WorkspaceError) as raised:
        closing.close(workspace, demo.MONTHS[0], demo.AS_OF, "tester")
    assert raised.value.key == "month.fund_only"


def test_packages_and_closed_months(closed: Closed, tmp_path: Path) -> None:
    """The same package again changes nothing; a closed month takes nothing; what is withdrawn is out."""
    folder = tmp_path / "ws"
    shutil.copytree(closed.folder, folder)
    package = sorted((closed.made / "packages" / MONTHS[1]).glob("HM*.zip"))[0]
    with Workspace.writing(folder) as workspace:
        again = intake.ingest(workspace, [package], demo.AS_OF, "tester")
        assert [one.state for one in again] == ["already"]
        with pytest.raises(WorkspaceError) as raised:
            intake.withdraw(workspace, package.stem, demo.AS_OF, "tester", None)
        assert raised.value.key == "workspace.closed"
        closing.reopen(workspace, MARCH, demo.AS_OF, "tester", "a package was withdrawn")
        intake.withdraw(workspace, package.stem, demo.AS_OF, "tester", "sent by mistake")
        done = closing.close(workspace, MARCH, demo.AS_OF, "tester")
        assert package.stem not in set(done.tables["cases_view"]["package"])
        assert done.tables["cases_view"].height < closed.closings[str(MARCH)].tables["cases_view"].height


def test_the_act_of_control_is_one(closed: Closed) -> None:
    """Number and date of the protocol of МЭК are those of SANK in the answer."""
    with Workspace.open(closed.folder) as workspace:
        for month in MONTHS:
            cases = workspace.run_table(month, "cases_view").select("case_key", "package")
            sanctions = workspace.run_table(month, "sanctions").join(cases, on="case_key")
            acts = sanctions.select("package", "num_act", "date_act").unique().sort("package")
            assert acts.height > 10
            for package, number, day in acts.iter_rows():
                path = closed.folder / "reports" / month / "protocols" / f"MEK-{package}.xlsx"
                with zipfile.ZipFile(path) as archive:
                    text = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml"))
                assert number in text
                assert f"{day:%d.%m.%Y}" in text, (package, day)


def test_names_from_outside_go_into_no_path(closed: Closed, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    demo.prepare(closed.made, folder)
    good = sorted((closed.made / "packages" / MONTHS[0]).glob("HM*.zip"))[0]
    named = tmp_path / f"{'Ж' * 100}.zip"
    named.write_bytes(good.read_bytes())
    with Workspace.writing(folder) as workspace:
        taken = intake.ingest(workspace, [named, good], demo.AS_OF, "tester")
        assert {one.state for one in taken if one.path == good} == {"accepted"}
        assert {one.state for one in taken if one.path == named} == {"refused"}
        assert not workspace.rows("SELECT 1 FROM chain WHERE payload LIKE ?", ["%ЖЖЖ%"])
    assert not [path for path in folder.rglob("*") if "ЖЖЖ" in path.name]
    with Workspace.writing(folder) as workspace:
        assert closing.close(workspace, demo.MONTHS[0], demo.AS_OF, "tester").outcome == "closed"


def test_documents_listed_are_documents_on_disk(closed: Closed) -> None:
    with Workspace.open(closed.folder) as workspace:
        for month in MONTHS:
            listed = {path: digest for _, _, path, digest in workspace.documents(month)}
            found = {
                str(path.relative_to(closed.folder)): sha256_file(path)
                for part in ("reports", "restricted")
                for path in (closed.folder / part / month).rglob("*")
                if path.is_file()
            }
            assert listed == found
            page = (closed.folder / "reports" / month / "index.html").read_text(encoding="utf-8")
            links = re.findall(r'href="([^"#]+)"', page)
            assert len(links) > 100
            assert all((closed.folder / "reports" / month / link).resolve().is_file() for link in links)


def test_the_public_views_hold_all_closed_months(closed: Closed, tmp_path: Path) -> None:
    """They are bound to the folder when it is opened: a workspace that was moved answers, too."""
    moved = tmp_path / "moved"
    shutil.copytree(closed.folder, moved)
    results = [done.tables for done in closed.closings.values()]
    with Workspace.open(moved, views=True) as workspace:
        (accepted,) = workspace.rows("SELECT sum(sump_kop) FROM v_cases")[0]
        (found,) = workspace.rows("SELECT count(*) FROM v_findings")[0]
        acts = dict(workspace.rows("SELECT act, count(*) FROM v_acts GROUP BY act"))
        columns = [row[0] for row in workspace.rows("DESCRIBE v_cases")]
    assert accepted == sum(int(tables["decisions"]["sump_kop"].sum()) for tables in results)
    assert found == sum(tables["findings"].height for tables in results)
    assert acts == {act: sum(tables[f"act_{act}"].height for tables in results) for act in ("121", "132")}
    assert {"case_key", "person_key", "price_kop", "oplata"} <= set(columns)
    assert not {"policy", "npolis", "enp", "fam", "dr"} & set(columns)


def schema(name: str) -> etree.XMLSchema:
    path = SHARED / "xsd" / f"{name}.xsd"
    if not path.exists():
        pytest.skip(f"../shared is not here: schema {name} cannot be used")
    return etree.XMLSchema(etree.parse(str(path)))


def members(path: Path) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def validated(schemas: dict[str, etree.XMLSchema], name: str, data: bytes) -> None:
    document = etree.parse(io.BytesIO(data), etree.XMLParser(resolve_entities=False, no_network=True))
    assert schemas[name].validate(document), f"{name}: {schemas[name].error_log.last_error}"


def test_what_is_sent_validates(closed: Closed) -> None:
    """Packages without planted structure errors and without what the territory adds to files, against the schema of their kind."""
    names = ("H_3.1", "H_3.2", "T_3.1", "C_3.1", "X_3.1_2021-08", "L_3.2")
    schemas = {name: schema(name) for name in names}
    planted = pl.read_csv(closed.made / "planted.csv", infer_schema=False)
    # What the schema sees, too: structure, lengths, enumerations; and what refuses the package.
    bad = set(planted.filter(pl.col("rule").str.starts_with("S.") | pl.col("rule").is_in(["W.1"]))["package"])
    seen: dict[str, int] = dict.fromkeys(names, 0)
    for path in sorted((closed.made / "packages").rglob("*.zip")):
        if path.stem in bad:
            continue
        read = reader.read_package(path)
        if read.findings["rule"].is_in(["S.901", "S.902"]).any():  # no overlay was read: what it adds is unknown here
            continue
        for (_, data), name in zip(members(path), read.format_ids, strict=True):
            validated(schemas, name, data)
            seen[name] += 1
    assert all(seen.values()), seen


def test_answers_validate(closed: Closed) -> None:
    results = {
        "RESULT_H_3.1": "result_TM_H31", "RESULT_H_3.2": "result_TM_H32", "RESULT_T_3.1": "result_TM_T31",
        "RESULT_C_3.1": "result_TM_C31", "RESULT_X_3.1_2021-08": "result_TM_X31_2021-08", "RESULT_L_3.2": "result_TM_L32",
    }  # fmt: skip
    schemas = {edition: schema(name) for edition, name in results.items()}
    planted = pl.read_csv(closed.made / "planted.csv", infer_schema=False)
    structural = set(planted.filter(pl.col("rule").str.starts_with("S."))["package"])
    seen = dict.fromkeys(results, 0)
    for path in sorted((closed.folder / "restricted").rglob("answers/*.zip")):
        read = reader.read_package(path, answer=True)
        sender, number = path.stem.replace("T75M", "M", 1).split("_")
        if f"{sender}T75_{number}" in structural:
            continue  # what the clinic wrote wrong comes back as it was
        assert read.findings.height == 0, read.findings
        assert len(read.format_ids) == 2
        for (_, data), edition in zip(members(path), read.format_ids, strict=True):
            validated(schemas, edition, data)
            seen[edition] += 1
    assert all(seen.values()), seen


def test_files_to_other_territories_validate(closed: Closed) -> None:
    schemas = {"RD_3.2": schema("RD_3.2")}
    paths = sorted((closed.folder / "restricted").rglob("territories/*.oms"))
    assert len(paths) >= 4
    for path in paths:
        (name, data), *rest = members(path)
        assert not rest
        assert name == f"{path.stem}.xml"
        validated(schemas, "RD_3.2", data)


def test_no_person_is_named_outside_the_parts_for_persons(closed: Closed) -> None:
    """Names, policy numbers and birth dates of the register stand in people/ and restricted/ only."""
    with Workspace.open(closed.folder) as workspace:
        insured = workspace.registers()[0]["reg_insured"]
    numbers = {number.encode() for number in insured["enp"].to_list()[:300]}
    surnames = {name.encode() for name in insured["fam"].unique().drop_nulls().to_list()}
    for part in ("tables", "reports", "agreement"):
        for path in (closed.folder / part).rglob("*"):
            if not path.is_file():
                continue
            if path.suffix == ".parquet":
                texts = pl.read_parquet(path).select(pl.col(pl.String)).to_dict(as_series=False)
                data = "\n".join(str(value) for column in texts.values() for value in column if value).encode()
            elif path.suffix == ".xlsx":
                with zipfile.ZipFile(path) as archive:
                    data = b"".join(archive.read(name) for name in archive.namelist())
            else:
                data = path.read_bytes()
            assert not any(number in data for number in numbers), path
            assert not any(name in data for name in surnames), path
    database = (closed.folder / "omsclaims.duckdb").read_bytes()
    assert not any(number in database for number in numbers)


def test_the_page_names_the_unconfirmed_parameters_of_the_month(closed: Closed) -> None:
    """Those that prices name and those that settlement asked for; a confirmed one is not among them."""
    page = (closed.folder / "reports" / "2022-03" / "index.html").read_text(encoding="utf-8")
    for name in ("tariffs.short_stay_days", "control.mek_act_working_days"):
        parameter = federal_parameters().use(name, date(2022, 3, 31))
        assert parameter.sure == "unconfirmed"
        assert name in page, name
    confirmed = federal_parameters().use("financing.notice_working_day", date(2022, 3, 31))
    assert confirmed.sure != "unconfirmed"
    assert "financing.notice_working_day" not in page
