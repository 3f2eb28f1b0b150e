"""Does the comparison of benchmarks name what got slower, and only that? Do the rivals do the same work, on files that are what they
say?"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from lxml import etree

from benchmarks import __main__ as runner
from benchmarks import child, cold, files, memory, reading, rivals, subjects
from benchmarks.accounts import Account
from benchmarks.timing import Rounds, in_turn
from omsclaims import money
from omsclaims.registry import reader
from omsclaims.registry.parsing import read_xml


def result(name: str, ratio: float, spread: float, size: int = 10_021, runs: int = 5) -> dict[str, Any]:
    return {"name": name, "size": size, "ratio": ratio, "ratio_spread": spread, "runs": runs}


def test_what_got_slower_than_its_noise_is_named() -> None:
    before = {"results": [result("read", 2.0, 0.1), result("check", 0.5, 0.05), result("price", 0.1, 0.01)]}
    after = {"results": [result("read", 2.15, 0.1), result("check", 0.7, 0.05, size=10_500), result("price", 0.05, 0.01)]}
    named = runner.slower(before, after)
    assert len(named) == 1
    assert named[0].startswith("check at 10500: ratio 0.500 -> 0.700")


def test_what_was_not_run_is_named_and_too_few_runs_prove_nothing() -> None:
    before = {"results": [result("read", 2.0, 0.1), result("month", 1.0, 0.1, size=100_100)]}
    assert runner.slower(before, {"results": [result("read", 2.0, 0.1)]}) == ["month at about 10^6: in the baseline, not run"]
    with pytest.raises(SystemExit, match="5 runs or more"):
        runner.slower(before, {"results": [result("read", 2.0, 0.1, runs=3)]})


def test_subjects_and_rivals_run_in_turn_and_ratios_are_of_one_round() -> None:
    calls: list[str] = []
    subject = subjects.Subject("s", 10, lambda: calls.append("own"), lambda: calls.append("rival"), "r")
    (measured,) = runner.measure([subject], 5)
    assert calls == ["own", "rival", *["rival", "own"] * 5]
    assert len(measured["ratios"]) == 5
    assert measured["ratio"] == sorted(measured["ratios"])[2]


def test_the_rival_reads_every_value() -> None:
    data = "<ZL_LIST><ZAP><N_ZAP>1</N_ZAP><Z_SL><A>x</A></Z_SL></ZAP><ZAP><N_ZAP>2</N_ZAP></ZAP></ZL_LIST>".encode("cp1251")
    assert rivals.tuned_iterparse([data, data]) == 6


def test_the_rivals_read_every_value_of_a_file_of_any_kind(tmp_path: Path) -> None:
    for kind, record in (("H", "ZAP"), ("L", "PERS")):
        made = files.made(files.Spec(kind, records=50, bad_share=0), tmp_path)
        root = etree.parse(made.path).getroot()
        leaves = sum(1 for top in root.iter(record) for element in top.iter() if len(element) == 0)
        assert rivals.tuned_iterparse([made.path], record) == leaves > 500
        assert rivals.no_op_pass(made.path)


def test_the_no_op_pass_is_a_check_of_well_formedness(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_bytes(files.made(files.Spec("H", records=50), tmp_path).path.read_bytes()[:-8])
    with pytest.raises(etree.XMLSyntaxError):
        rivals.no_op_pass(broken)


def test_the_decimal_rival_gives_the_same_kopecks() -> None:
    factors = np.array([[3369465630, 1, 7], [93_000, 100_000, 5], [105_000, 100_000, 50_000]], dtype=np.int64)
    assert rivals.decimal_prices(factors, 14) == int(money.exact_amounts([money.Term(tuple(factors), 14)]).sum())


# --- made-up files ------------------------------------------------------------------------------------------------------


def small(kind: str, **more: Any) -> files.Spec:
    """A file of a few hundred kilobytes with everything planted that can be."""
    return files.Spec(kind, megabytes=0.3, **{"bad_share": 0.1, **more})


@pytest.mark.parametrize("kind", files.KINDS)
def test_a_made_up_file_is_read_as_it_was_put_in_with_the_planted_findings_alone(kind: str, tmp_path: Path) -> None:
    spec = small(kind)
    made = files.made(spec, tmp_path)
    assert abs(made.path.stat().st_size / 300_000 - 1) < 0.2
    read = read_xml(made.path, made.path.stem, made.path.stem)
    assert read.format == spec.edition
    account = Account()
    account.add(read.tables, read.findings)
    assert account.differences(made.truth, spec.edition) == []
    assert {"S.902", "S.903", "S.904", "S.906", "S.907"} <= set(made.truth.findings)


@pytest.mark.parametrize("kind", files.KINDS)
def test_unusual_records_are_lawful_xml_and_say_the_same(kind: str, tmp_path: Path) -> None:
    spec = small(kind, bad_share=0, slow_share=0.1)
    made = files.made(spec, tmp_path)
    data = made.path.read_bytes()
    assert all(sign in data for sign in (b"<!--", b"<![CDATA[", b"<X_REG>", b"&#", b' kod="1"'))
    read = read_xml(made.path, made.path.stem, made.path.stem)
    account = Account()
    account.add(read.tables, read.findings)
    assert account.differences(made.truth, spec.edition) == []
    assert set(made.truth.findings) == {"S.901"}


def test_same_parameters_give_the_same_bytes_and_another_seed_gives_others(tmp_path: Path) -> None:
    first, again, other = (files.made(small("H", seed=seed), tmp_path / str(number)) for number, seed in enumerate((1, 1, 2)))
    assert first.path.read_bytes() == again.path.read_bytes()
    assert first.truth == again.truth
    assert first.path.read_bytes() != other.path.read_bytes()
    assert small("H", seed=1).folder != small("H", seed=2).folder


def test_a_file_is_made_once_and_never_half(tmp_path: Path) -> None:
    spec = small("L")
    path = files.made(spec, tmp_path).path
    stamp = path.stat().st_mtime_ns
    assert files.made(spec, tmp_path).path.stat().st_mtime_ns == stamp
    assert [entry.name for entry in tmp_path.iterdir()] == [spec.folder]


def test_both_encodings_hold_the_same_text(tmp_path: Path) -> None:
    texts = []
    for encoding in ("windows-1251", "utf-8"):
        data = files.made(files.Spec("L", records=300, encoding=encoding), tmp_path).path.read_bytes()
        assert f'encoding="{encoding}"'.encode() in data[:60]
        texts.append([element.text for element in etree.fromstring(data).iter()])
    assert texts[0] == texts[1]


def test_records_and_their_policies_are_nobodys(tmp_path: Path) -> None:
    spec = files.Spec("H", records=40, bad_share=0)
    read = read_xml(files.made(spec, tmp_path).path, "HM980901T98_22031", "HM980901T98_22031")
    assert read.tables["zap"].height == 40
    assert read.tables["patient"]["enp"].str.starts_with("98").all(), "98 is no territory"
    assert read.tables["patient"]["id_pac"].n_unique() == 40


def test_an_account_names_a_lost_row_a_wrong_value_and_a_missing_finding(tmp_path: Path) -> None:
    spec = small("H")
    made = files.made(spec, tmp_path)
    read = read_xml(made.path, made.path.stem, made.path.stem)
    wrong = dict(read.tables)
    wrong["usl"] = wrong["usl"].head(-1)
    wrong["z_sl"] = wrong["z_sl"].with_columns(pl.col("sumv") + 1)
    account = Account()
    account.add(wrong, read.findings.head(-1))
    differences = account.differences(made.truth, spec.edition)
    assert any(line.startswith("rows of usl:") for line in differences)
    assert any(line.startswith("sum of z_sl.sumv:") for line in differences)
    assert not any(line.startswith("values of z_sl.sumv:") for line in differences)
    assert sum(line.startswith("findings ") for line in differences) == 1


# --- reading, memory, cold start ----------------------------------------------------------------------------------------


def test_rounds_take_turns_and_a_ratio_is_of_one_round() -> None:
    calls: list[str] = []
    rounds = in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "b"] * 4, "one round to warm up, three that count"
    told = Rounds({"slow": [4.0, 9.0, 8.0], "fast": [2.0, 3.0, 2.0]}, {"slow": [4.0, 9.0, 8.0], "fast": [3.0, 6.0, 3.0]})
    assert told.ratios("slow", "fast") == [2.0, 3.0, 4.0]
    assert (told.median("fast"), told.cores("fast"), told.work("slow", "fast")) == (2.0, 1.5, 1.5)
    assert len(rounds.seconds["b"]) == len(rounds.busy["b"]) == 3


@pytest.mark.parametrize("family", ["reading", "memory", "cold"])
def test_one_run_is_no_figure(family: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", family, "--runs", "1"])
    with pytest.raises(SystemExit) as stop:
        runner.main()
    assert stop.value.code == 2
    assert "two runs or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "name", "ratio", "passed"),
    [
        ("H", "one/iterparse", 10.1, True), ("H", "one/iterparse", 9.9, False), ("L", "one/iterparse", 7.1, True),
        ("L", "one/iterparse", 6.9, False), ("H", "two/one", 1.49, False), ("X", "two/one", 1.1, True),
    ],
)  # fmt: skip
def test_other_kinds_may_fall_short_by_thirty_percent(kind: str, name: str, ratio: float, passed: bool) -> None:
    figure = reading.Figure(kind, name, [0.1, ratio, 99.0], 1.0, ratio, 200.0, 1.0, 1.0)
    assert figure.found == ratio
    assert figure.passed is passed
    assert reading.line_of(figure).endswith("yes" if passed else "NO")


@pytest.mark.parametrize(("kind", "slow"), [("H", 0.0), ("H", 0.1), ("L", 0.1), ("R", 0.0)])
def test_what_is_timed_reads_everything(kind: str, slow: float, tmp_path: Path) -> None:
    spec = small(kind, slow_share=slow)
    made = files.made(spec, tmp_path)
    for threads in (1, 2):
        assert reading.checked(made, spec, threads) == []
    whole = read_xml(made.path, made.path.stem, made.path.stem)
    assert reading.read(made.path, 2) == sum(table.height for table in whole.tables.values()) + whole.findings.height


def test_a_reader_that_loses_something_is_told(tmp_path: Path) -> None:
    spec = small("H")
    made = files.made(spec, tmp_path)
    text = made.path.read_text(encoding="cp1251")
    made.path.write_text(text.replace("<PODR>", "<PODR>1", 1), encoding="cp1251")
    assert any(line.startswith("sum of ") and "podr" in line for line in reading.checked(made, spec))


def test_all_figures_of_a_kind_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WORK", tmp_path)
    asked: list[files.Spec] = []

    def portable(spec: files.Spec, runs: int) -> Rounds:
        asked.append(spec)
        return reading.beside_iterparse(files.made(spec), spec.kind, runs)

    monkeypatch.setattr(reading, "portable_rounds", portable)
    full = list(reading.figures_of(files.Spec("H", 0.1), 2, full=True))
    assert [figure.name for figure in full] == list(reading.MUSTS)
    assert all(len(figure.ratios) == 2 and figure.seconds > 0 for figure in full)
    assert asked == [files.Spec("H", 0.1)]
    assert [figure.name for figure in reading.figures_of(files.Spec("L", 0.1), 2, full=False)] == list(reading.MUSTS)[:3]


def test_a_child_tells_its_rounds_and_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(files, "WORK", tmp_path)
    spec = small("H")
    child.main(["reading", json.dumps({"spec": asdict(spec), "runs": 2})])
    rounds = Rounds(**json.loads(capsys.readouterr().out))
    assert len(rounds.ratios("iterparse", "one")) == 2
    made = files.made(spec)
    child.main(["parquet", str(made.path), str(tmp_path / "out"), "2", str(made.path)])
    told = json.loads(capsys.readouterr().out)
    assert told["records"] == made.truth.records == pl.read_parquet(tmp_path / "out" / "zap.parquet").height
    assert told["findings"] == sum(made.truth.findings.values())
    assert told["peak_mb"] > 50


def series(records: int, seconds: list[float], peaks: list[float]) -> memory.Series:
    return memory.Series(files.Made(Path("x"), files.Truth(records=records, bytes=records * 2500)), seconds, peaks)


@pytest.mark.parametrize(
    ("big_seconds", "peak", "code"),
    [([20.0, 21.0, 22.0], 499.0, 0), ([22.1, 22.2, 22.3], 499.0, 1), ([20.0, 21.0, 22.0], 501.0, 1)],
)
def test_memory_holds_peak_and_time_per_record(
    big_seconds: list[float], peak: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "RESULTS", tmp_path)
    both = [series(1000, [2.0, 2.0, 2.0], [300.0, 310.0, 305.0]), series(10_000, big_seconds, [300.0, peak, 305.0])]
    assert memory.told(both, 2) == code


def test_a_cold_package_is_whole_and_has_something_to_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WORK", tmp_path)
    monkeypatch.setattr(cold, "WORK", tmp_path)
    path, size = cold.package(100)
    with zipfile.ZipFile(path) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) == size
    package = reader.read_package(path)
    assert not package.refused
    assert package.tables["person"].height == package.tables["zap"].height == 100
    assert set(package.tables["person"]["id_pac"]) == set(package.tables["patient"]["id_pac"]), "each case has its person"
    assert 1 <= package.findings.height <= 5


def test_a_cold_run_has_caches_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environ = cold.environment(tmp_path)
    assert "PYTHONDONTWRITEBYTECODE" not in environ
    assert environ["NUMBA_CACHE_DIR"] == str(tmp_path)
