"""Does expertise run from the sample to the acts of the month, the appeals and the registries, in a workspace? (law.md 10.)"""

from __future__ import annotations

import shutil
import zipfile
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from lxml import etree

from omsclaims import closing, expertise, expertise_chain, explain, findings, intake
from omsclaims import expertise_store as store
from omsclaims.cli import common, demo
from omsclaims.law import federal_parameters
from omsclaims.money import parse_amount
from omsclaims.periods import Month
from omsclaims.registry import expertise_file
from omsclaims.reports.answers import EKMP, MEE, MEK
from omsclaims.settlement.expertise.sampling import Draw
from omsclaims.settlement.payments import resubmit_by
from omsclaims.synthetic.deal import FINE_STANDARDS
from omsclaims.workspace import Workspace, WorkspaceError, sha256_file
from tests.conftest import SHARED, MakeTerritory

FEB, MAR = demo.MONTHS
STANDARDS = {usl_ok: amount for usl_ok, amount in FINE_STANDARDS.items() if usl_ok != 4}


@pytest.fixture(scope="module")
def territory(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up territory whose agreement has no standard for the fines of ambulance care."""
    made = tmp_path_factory.mktemp("expertise") / "made"
    shutil.copytree(make_territory(1_500, 1), made)
    head = made / "agreement" / "agreement.yaml"
    agreement = yaml.safe_load(head.read_text(encoding="utf-8"))
    agreement["fine_standards"] = [row for row in agreement["fine_standards"] if row["usl_ok"] in STANDARDS]
    head.write_text(yaml.safe_dump(agreement, allow_unicode=True), encoding="utf-8")
    return made


def take_in(made: Path, folder: Path, month: Month) -> None:
    files = common.existing_files([made / "packages" / str(month)], "en")
    with Workspace.writing(folder) as workspace:
        intake.ingest(workspace, files, demo.AS_OF, "tester")


def close(folder: Path, month: Month, replace: bool = False) -> closing.Closing:
    with Workspace.writing(folder) as workspace:
        return closing.close(workspace, month, demo.AS_OF, "tester", "again" if replace else None, replace, lang="ru")


@pytest.fixture(scope="module")
def february(territory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which February is closed and March taken in."""
    folder = tmp_path_factory.mktemp("february") / "ws"
    demo.prepare(territory, folder)
    take_in(territory, folder, FEB)
    close(folder, FEB)
    take_in(territory, folder, MAR)
    return folder


@pytest.fixture
def workspace(february: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    folder = tmp_path / "ws"
    shutil.copytree(february, folder)
    return folder


def draw(folder: Path, kind: str = "mee", seed: int = 7) -> expertise.Drawn:
    with Workspace.writing(folder) as workspace:
        return expertise.draw(workspace, FEB, Draw("mee" if kind == "mee" else "ekmp", seed), demo.AS_OF, "tester")


def acts_file(folder: Path, path: Path, kods: tuple[int | None, ...] = (247, 246, 240, 239, 227, None), kind: int = 50) -> Path:
    """A file with one act of each payer and clinic on the planned cases of a stored sample, grounds in turn."""
    with Workspace.open(folder) as workspace:
        planned = store.kept(workspace, "expertise_sample").filter(pl.col("list") == "planned")
        raw = expertise.sample_as_raw(workspace, planned)
    kod = pl.Series("kod", [kods[i % len(kods)] for i in range(raw.height)], dtype=pl.Int64)
    rows = raw.with_columns(
        kod, date_act=pl.lit(date(2022, 3, 21)), s_tip=pl.lit(kind, dtype=pl.Int64), num_act=pl.format("A-{}-{}", "payer", "mo"),
        code_exp=pl.lit("75000001" if kind >= 70 else None, dtype=pl.String),
    )  # fmt: skip
    path.write_bytes(expertise_file.write_xml(rows, path.stem, date(2022, 3, 25)))
    return path


def load(folder: Path, path: Path) -> expertise.Loaded:
    with Workspace.writing(folder) as workspace:
        (done,) = expertise.load_acts(workspace, [path], demo.AS_OF, "tester")
    return done


def events(folder: Path) -> list[str]:
    with Workspace.open(folder) as workspace:
        assert workspace.chain_breaks() == []
        return [kind for (kind,) in workspace.rows("SELECT kind FROM chain ORDER BY seq")]


def test_a_sample_is_kept_and_the_same_again_changes_nothing(workspace: Path) -> None:
    first = draw(workspace)
    assert first.outcome == "stored"
    before = events(workspace)
    again = draw(workspace)
    assert (again.outcome, again.digest) == ("identical", first.digest)
    assert events(workspace) == before
    other = draw(workspace, seed=8)
    assert other.outcome == "stored" and other.digest != first.digest
    with Workspace.open(workspace) as opened:
        kept = store.kept(opened, "expertise_sample")
        assert set(kept["sample"]) == {first.sample, other.sample}
        refused = set(opened.run_table(str(FEB), "decisions").filter(pl.col("oplata") == 2)["case_key"])
    assert refused and not refused & set(kept["case_key"])


def test_a_sample_needs_a_closed_month_and_a_known_insurer(workspace: Path) -> None:
    for wanted, of, key in (
        (Draw("mee", 1), MAR, "workspace.not_closed"),
        (Draw("mee", 1, "75999"), FEB, "expertise.no_insurer"),
    ):
        with pytest.raises(WorkspaceError) as raised, Workspace.writing(workspace) as opened:
            expertise.draw(opened, of, wanted, demo.AS_OF, "tester")
        assert raised.value.key == key


def test_acts_reach_the_month_of_their_date(workspace: Path, tmp_path: Path) -> None:
    draw(workspace)
    path = acts_file(workspace, tmp_path / "acts.xml")
    february_before = sha256_of_run(workspace, FEB)
    done = load(workspace, path)
    assert set(done.outcomes.values()) == {"accepted"} and done.findings.is_empty()
    assert done.rows["settle_month"].unique().to_list() == [str(MAR)]
    again = load(workspace, path)
    assert set(again.outcomes.values()) == {"already"} and again.rows.is_empty()
    closed = close(workspace, MAR)
    deductions = closed.tables["deductions"]
    assert deductions.height == done.rows.height
    assert all(identity.holds for identity in closed.identities)
    # The rows are priced by hand: exact products, rounded once.
    shares = {row["code"]: (row["k_no5"], row["k_sh5"]) for row in deductions.drop_nulls("k_no5").iter_rows(named=True)}
    assert shares["2.10"] == (50_000, 50_000) and shares["2.16.1"] == (10_000, 30_000)
    for row in deductions.filter(pl.col("state") == "stands").iter_rows(named=True):
        assert row["s_sum"] == (row["rt_kop"] * row["k_no5"] * 2 + 100_000) // 200_000
        if row["rp4"] is not None:
            assert row["fine_kop"] == (row["rp4"] * row["k_sh5"] * 2 + 10_000_000) // 20_000_000
    by_conditions = {usl_ok: parse_amount(amount) * 100 for usl_ok, amount in STANDARDS.items()}
    assert set(deductions["rp4"].drop_nulls()) <= set(by_conditions.values())
    missing = closed.tables["findings"].filter(pl.col("rule") == "E.21")
    assert missing.height == deductions.filter((pl.col("k_sh5") > 0) & pl.col("rp4").is_null()).height
    taken = deductions.group_by("payer", "mo").agg(pl.col("change_kop").sum()).sort("payer", "mo")
    lines = (
        closed.tables["act_132"].filter(pl.col("mee_kop") != 0).select("payer", "mo", change_kop="mee_kop").sort("payer", "mo")
    )
    assert lines.rows() == taken.filter(pl.col("change_kop") != 0).rows()
    assert sha256_of_run(workspace, FEB) == february_before
    assert close(workspace, MAR).outcome == "identical"


def sha256_of_run(folder: Path, month: Month) -> dict[str, str]:
    """Every file of a closed month and of its documents."""
    with Workspace.open(folder) as workspace:
        run = workspace.run(str(month))
        assert run is not None
        files = [*(folder / run.path).glob("*"), *(folder / path for _, _, path, _ in workspace.documents(str(month)))]
    return {str(path.relative_to(folder)): sha256_file(path) for path in sorted(files)}


def test_an_act_after_the_closing_goes_to_the_next_month(workspace: Path, tmp_path: Path) -> None:
    draw(workspace)
    close(workspace, MAR)
    done = load(workspace, acts_file(workspace, tmp_path / "acts.xml"))
    assert done.rows["settle_month"].unique().to_list() == ["2022-04"]
    closed = close(workspace, MAR)
    assert closed.outcome == "identical" and closed.differences == []


def test_a_new_act_for_an_open_month_is_a_difference_of_its_closing(workspace: Path, tmp_path: Path) -> None:
    """Opened again, the month takes acts that came meanwhile, and the closing names expertise among what differs."""
    draw(workspace)
    first = close(workspace, MAR)
    with Workspace.writing(workspace) as opened:
        closing.reopen(opened, MAR, demo.AS_OF, "tester", "acts of March came late")
    load(workspace, acts_file(workspace, tmp_path / "acts.xml"))
    second = close(workspace, MAR)
    assert second.outcome == "closed" and second.digest != first.digest
    with Workspace.open(workspace) as opened:
        run = opened.run(str(MAR))
        assert run is not None and run.inputs["expertise"]["expertise_acts"]


def test_the_good_acts_of_a_file_go_in_and_the_bad_are_named(workspace: Path, tmp_path: Path) -> None:
    draw(workspace)
    path = acts_file(workspace, tmp_path / "acts.xml", (247,))
    content = path.read_bytes().decode("cp1251")
    record = content[content.index("<EXP>") : content.index("</EXP>") + 6]
    number = record[record.index("<S_ZAKL>") + 8 : record.index("</S_ZAKL>")]
    path.write_bytes(content.replace(record, record.replace("<S_OSN>247", "<S_OSN>255"), 1).encode("cp1251"))
    done = load(workspace, path)
    refused = {act for (_, act), outcome in done.outcomes.items() if outcome == "refused"}
    assert refused == {number}
    assert set(done.findings["rule"]) == {"E.8"}
    assert number in findings.with_text(done.findings, "ru")["text"][0]
    assert number not in set(done.rows["num_act"]) and done.rows.height > 3


def test_acts_come_back_as_they_were_kept(workspace: Path, tmp_path: Path) -> None:
    draw(workspace)
    load(workspace, acts_file(workspace, tmp_path / "acts.xml"))
    from omsclaims.reports.expertise import acts_xlsx

    with Workspace.open(workspace) as opened:
        acts = expertise.acts_of(opened, "2022-03")
        assert acts.height and expertise.acts_of(opened, "2022-04").is_empty()
        raw = expertise.raw_acts(opened, acts)
    xml, xlsx = tmp_path / "out.xml", tmp_path / "out.xlsx"
    xml.write_bytes(expertise_file.write_xml(raw, "out", date(2022, 4, 1)))
    xlsx.write_bytes(acts_xlsx(raw, "ru"))
    for path in (xml, xlsx):
        done = load(workspace, path)
        assert set(done.outcomes.values()) == {"already"}, path
        assert done.findings.is_empty()


def test_an_unreadable_file_changes_nothing(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "acts.xml"
    path.write_bytes(b"<ZL_LIST><EXP>")
    done = load(workspace, path)
    assert done.findings["rule"].to_list() == ["S.807"]
    with Workspace.open(workspace) as opened:
        assert store.kept(opened, "expertise_acts").is_empty()


def test_an_appeal_gives_back_in_the_month_of_the_decision(workspace: Path, tmp_path: Path) -> None:
    """The act is settled in March; the fund decides in April; April posts what is given back, March stands."""
    draw(workspace)
    load(workspace, acts_file(workspace, tmp_path / "acts.xml", (247,)))
    closed = close(workspace, MAR)
    row = closed.tables["deductions"].filter((pl.col("s_sum") > 0) & (pl.col("by") != "75")).sort("s_sum").row(-1, named=True)
    march = sha256_of_run(workspace, MAR)
    claims = tmp_path / "claims.csv"
    claims.write_text(
        "claim,mo,payer,num_act,n_zap,idcase,claimed_on,outcome,decided_on,decision\n"
        f"C-1,{row['mo']},{row['by']},{row['num_act']},{row['n_zap']},{row['idcase']},2022-03-30,upheld,2022-04-11,D-1\n",
        encoding="utf-8",
    )
    with Workspace.writing(workspace) as opened:
        (done,) = expertise.load_claims(opened, [claims], demo.AS_OF, "tester")
    assert done.outcomes == {"taken": 1, "already": 0, "refused": 0} and done.findings.is_empty()
    assert "expertise appeal" in events(workspace)
    april = Month(2022, 4)
    with Workspace.open(workspace) as opened:
        tables, _ = store.month_tables(opened, april)
        context, _ = closing.load_context(opened, april, demo.AS_OF)
        lines = list(explain.lines(opened, explain.find(opened, f"{row['package']}/{row['n_zap']}/{row['idcase']}")[0], "en"))
    from omsclaims.settlement.expertise.deductions import deduct

    result = deduct(tables, context)["deductions"]
    assert result["change_kop"].sum() == -row["s_sum"] and result["fine_change_kop"].sum() == -row["fine_kop"]
    assert set(result.filter(pl.col("num_act") == row["num_act"])["state"]) == {"superseded"}
    assert sha256_of_run(workspace, MAR) == march
    said = "\n".join(lines)
    for part in (row["num_act"], "RT ", "K_NO 1", "Claim C-1", "upheld", "changes act", "goes into the settlement of 2022-04"):
        assert part in said, part


def test_claims_that_cannot_be_read(workspace: Path, tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    for text, key in (
        ("claim,mo\n1,2\n", "columns"),
        ("claim,mo,num_act,claimed_on\n1,2,3,30.03.2022\n", "cell"),
        ("", "unreadable"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(WorkspaceError) as raised, Workspace.writing(workspace) as opened:
            expertise.load_claims(opened, [path], demo.AS_OF, "tester")
        assert raised.value.key == f"expertise.claims.{key}"


def test_registries_after_expertise_add_up_and_are_valid(workspace: Path, tmp_path: Path) -> None:
    """Header sums by kind, OPLATA, SANK_IT, SUMP: the closed algebra of every registry that expertise touched."""
    draw(workspace)
    load(workspace, acts_file(workspace, tmp_path / "mee.xml"))
    draw(workspace, "ekmp", 9)
    with Workspace.open(workspace) as opened:
        rows = store.kept(opened, "expertise_sample").filter((pl.col("kind") == "ekmp") & (pl.col("list") == "planned"))
        raw = expertise.sample_as_raw(opened, rows)
    ekmp = raw.with_columns(
        kod=pl.lit(253, dtype=pl.Int64), date_act=pl.lit(date(2022, 3, 22)), num_act=pl.format("K-{}-{}", "payer", "mo"),
        code_exp=pl.lit("75000001"),
    )  # fmt: skip
    path = tmp_path / "ekmp.xml"
    path.write_bytes(expertise_file.write_xml(ekmp, "ekmp", date(2022, 3, 25)))
    assert set(load(workspace, path).outcomes.values()) == {"accepted"}
    close(workspace, MAR)
    with Workspace.open(workspace) as opened:
        made = expertise.write_results(opened, MAR, tmp_path / "results")
    assert len(made) > 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)
    kinds: set[int] = set()
    for path in made:
        with zipfile.ZipFile(path) as archive:
            main = next(name for name in archive.namelist() if not name.startswith("L"))
            root = etree.fromstring(archive.read(main))
        kinds |= algebra(root)
        if main.startswith("H") and root.findtext("ZGLV/VERSION") == "3.2":
            valid_sanctions(root)
    assert kinds == {0, 1, 2}  # МЭК, МЭЭ and ЭКМП all took something


def algebra(root: etree._Element) -> set[int]:
    """Asserts law.md 10.4 in a registry; which kinds of control took something: 0 МЭК, 1 МЭЭ, 2 ЭКМП."""
    money = {"SANK_MEK": 0, "SANK_MEE": 0, "SANK_EKMP": 0}
    accepted = 0
    for case in root.iterfind("ZAP/Z_SL"):  # not iter: SL_KOEF has a Z_SL, too
        sumv, sump = parse_amount(case.findtext("SUMV") or "0"), parse_amount(case.findtext("SUMP") or "")
        sank_it = parse_amount(case.findtext("SANK_IT") or "0")
        oplata = case.findtext("OPLATA")
        total = 0
        for sank in case.iter("SANK"):
            amount, kind = parse_amount(sank.findtext("S_SUM") or ""), int(sank.findtext("S_TIP") or "")
            total += amount
            name = next(key for key, codes in zip(money, (MEK, MEE, EKMP), strict=True) if kind in codes)
            money[name] += amount
            assert sank.findtext("S_OSN") and sank.findtext("NUM_ACT") and sank.findtext("S_IST") == "1"
            assert amount == 0 or sank.findtext("SL_ID")
            assert kind not in EKMP or sank.findtext("CODE_EXP") == "75000001"
        assert total == sank_it and sump == sumv - sank_it
        assert oplata != "1" or (sank_it == 0 and sump == sumv)
        assert oplata != "2" or sump == 0
        assert oplata != "3" or 0 < sank_it < sumv
        accepted += sump
    bill = root.find("SCHET")
    assert bill is not None
    assert {name: parse_amount(bill.findtext(name) or "0") for name in money} == money
    assert (
        parse_amount(bill.findtext("SUMMAP") or "")
        == accepted
        == parse_amount(bill.findtext("SUMMAV") or "") - sum(money.values())
    )
    return {place for place, amount in enumerate(money.values()) if amount}


def valid_sanctions(root: etree._Element) -> None:
    """What we put in is valid by the schema of a real fund; what the clinic sent wrong (planted) is its own."""
    schema_file = SHARED / "xsd" / "result_TM_H32.xsd"
    if not schema_file.exists():
        pytest.skip("../shared is not here: the schemas of real funds are not part of the project")
    schema = etree.XMLSchema(etree.parse(str(schema_file)))
    schema.validate(root)
    wrong = [error.path for error in schema.error_log if "SANK" in (error.path or "") or "SUMP" in (error.path or "")]
    assert wrong == []


# ---- resubmission ----------------------------------------------------------------------------------------------------------


#: The outcome that goes with a lethal result, by the rule that found another.
#: Not of calls: the made-up territory takes a call in the bill of its own month only (C082).
OUTCOME = {"C027": 104, "C028": 204, "C029": 305, "C038": 303, "C039": 303}


def refused_in_february(folder: Path) -> dict[str, object]:
    """A case of February that МЭК refused because its outcome does not go with death or its result, of a known person."""
    with Workspace.open(folder) as workspace:
        rows = workspace.run_table(str(FEB), "refusal_rows").filter(pl.col("package").str.starts_with("HM"))
        view = workspace.run_table(str(FEB), "cases_view").filter(pl.col("status") == "own")
        found = rows.join(
            view.select("package", "n_zap", "idcase", "ground_rule"), on=["package", "n_zap", "idcase"], how="inner"
        )
        single = found.filter(
            pl.struct("person_key", "date_z_1", "code_mo").is_unique() & pl.struct("package", "n_zap").is_unique()
        )
        wanted = single.filter(pl.col("ground_rule").is_in(list(OUTCOME)))
        return wanted.sort("date_act", "package", "n_zap").row(0, named=True)


def due_of(case: dict[str, object]) -> date:
    """The last day on which the refused case may be billed again."""
    received = case["date_act"]
    assert isinstance(received, date)
    return resubmit_by(received, federal_parameters())


def of_the_package(tables: dict[str, pl.DataFrame], name: str, package: str) -> dict[str, object]:
    """The one row of a table about the case of a package."""
    cases = tables["cases_view"].filter(pl.col("package") == package).select("case_key")
    (row,) = tables[name].join(cases, on="case_key", how="semi").iter_rows(named=True)
    return row


def again(
    folder: Path, case: dict[str, object], tmp_path: Path, outcome: int, filed: str = "2022-04-05", policy: str = ""
) -> Path:
    """A package of March that holds the refused record alone, billed again with PR_NOV = 1 and this outcome, and its person."""
    with Workspace.open(folder) as workspace:
        row = next(one for one in workspace.packages(str(FEB)) if one.package == case["package"] and one.state == "accepted")
    stem = str(case["package"]).split("_")[0]
    with zipfile.ZipFile(folder / row.original) as archive:
        texts = {name: archive.read(name).decode("cp1251") for name in archive.namelist()}
    main = texts[f"{case['package']}.xml"]
    zaps = [f"<ZAP>{part}" for part in main.split("<ZAP>")[1:]]
    record = next(zap for zap in zaps if f"<N_ZAP>{case['n_zap']}</N_ZAP>" in zap and f"<IDCASE>{case['idcase']}</IDCASE>" in zap)
    record = record.split("</ZAP>")[0] + "</ZAP>"
    head = main.split("<ZAP>")[0]
    number = head[head.index("<SUMMAV>") + 8 : head.index("</SUMMAV>")]
    amount = record[record.index("<SUMV>") + 6 : record.index("</SUMV>")]
    new = f"{stem}_220399"
    for before, after in {
        str(case["package"]): new, f"<SUMMAV>{number}</SUMMAV>": f"<SUMMAV>{amount}</SUMMAV>", "<MONTH>2</MONTH>": "<MONTH>3</MONTH>",
        "<MONTH>02</MONTH>": "<MONTH>03</MONTH>", "<NSCHET>": "<NSCHET>R",
    }.items():  # fmt: skip
        head = head.replace(before, after)
    for tag, value in {"SD_Z": "1", "DATA": filed, "DSCHET": "2022-03-31", "CODE": "9901"}.items():
        begin, end = head.index(f"<{tag}>") + len(tag) + 2, head.index(f"</{tag}>")
        head = head[:begin] + value + head[end:]
    record = record.replace("<PR_NOV>0", "<PR_NOV>1")
    begin, end = record.index("<ISHOD>") + 7, record.index("</ISHOD>")
    record = f"{record[:begin]}{outcome}{record[end:]}"
    for tag in ("NPOLIS", "ENP"):
        record = record.replace(f"</{tag}>", f"{policy}</{tag}>")
    person = f"L{case['package']}"[0] + str(case["package"])[1:]
    persons = texts[f"{person}.xml"].replace(str(case["package"]), new).replace(person, person.split("_")[0] + "_220399")
    path = tmp_path / f"{new}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{new}.xml", f"{head}{record}</ZL_LIST>".encode("cp1251"))
        archive.writestr(f"{person.split('_')[0]}_220399.xml", persons.encode("cp1251"))
    return path


def test_a_refused_case_is_billed_again_and_paid(workspace: Path, tmp_path: Path) -> None:
    case = refused_in_february(workspace)
    right = OUTCOME[str(case["ground_rule"])]
    path = again(workspace, case, tmp_path, right)
    with Workspace.writing(workspace) as opened:
        (taken,) = intake.ingest(opened, [path], demo.AS_OF, "tester")
    assert taken.state == "accepted", taken.findings
    closed = close(workspace, MAR)
    row = of_the_package(closed.tables, "resubmissions", path.stem)
    assert (row["state"], row["refused_package"], row["refused_n_zap"]) == ("refused", case["package"], case["n_zap"])
    assert (row["received_on"], row["due"], row["late"]) == (case["date_act"], due_of(case), False)
    billed = of_the_package(closed.tables, "cases_view", path.stem)
    assert (billed["oplata"], billed["sump_kop"]) == (1, case["sumv_kop"])
    named = (str(FEB), str(case["package"]), int(str(case["n_zap"])), int(str(case["idcase"])))
    with Workspace.open(workspace) as opened:
        chain = expertise_chain.chain_of(opened, *named, federal_parameters())
        assert [(one.month, one.pr_nov, one.oplata, one.sump_kop) for one in chain] == [
            (str(FEB), 0, 2, 0), (str(MAR), 1, 1, case["sumv_kop"]),
        ]  # fmt: skip
        # Number of the record, PR_NOV and IDCASE are no correction.
        (change,) = expertise_chain.changes(opened, chain[0], chain[1])
        said = "\n".join(
            explain.lines(opened, explain.find(opened, f"{case['package']}/{case['n_zap']}/{case['idcase']}")[0], "ru")
        )
    assert (change.path, change.after) == ("ZAP/Z_SL/ISHOD", str(right))
    assert "Подан 2 раз" in said and f"до {due_of(case)}" in said


def test_a_case_billed_again_after_the_term_is_refused_as_late(workspace: Path, tmp_path: Path) -> None:
    case = refused_in_february(workspace)
    filed = due_of(case) + timedelta(days=1)
    known = max(filed, demo.AS_OF)
    path = again(workspace, case, tmp_path, OUTCOME[str(case["ground_rule"])], filed=str(filed))
    with Workspace.writing(workspace) as opened:
        intake.ingest(opened, [path], known, "tester")
    with Workspace.writing(workspace) as opened:
        closed = closing.close(opened, MAR, known, "tester", lang="ru")
    decided = of_the_package(closed.tables, "cases_view", path.stem)
    assert (decided["oplata"], decided["ground_rule"], decided["ground_code"]) == (2, "C251", "1.4.6")


def test_what_the_clinic_changed_is_shown_element_by_element_and_masked(workspace: Path, tmp_path: Path) -> None:
    case = refused_in_february(workspace)
    path = again(workspace, case, tmp_path, OUTCOME[str(case["ground_rule"])], policy="1")
    with Workspace.writing(workspace) as opened:
        intake.ingest(opened, [path], demo.AS_OF, "tester")
    before = expertise_chain.Submission(
        str(FEB), str(case["package"]), int(str(case["n_zap"])), int(str(case["idcase"])), 0, 0, 0, 2, None, None, None, None,
    )  # fmt: skip
    after = expertise_chain.Submission(
        str(MAR), path.stem, int(str(case["n_zap"])), int(str(case["idcase"])), 1, 0, 0, 2, None, None, None, None,
    )  # fmt: skip
    with Workspace.open(workspace) as opened:
        changed = expertise_chain.changes(opened, before, after)
    assert [one.path for one in changed] in (["ZAP/PACIENT/NPOLIS", "ZAP/Z_SL/ISHOD"], ["ZAP/PACIENT/ENP", "ZAP/Z_SL/ISHOD"])
    assert changed[0].before is not None and "***" in changed[0].before
    assert changed[0].after is not None and "***" in changed[0].after
