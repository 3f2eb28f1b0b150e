"""Do the two readers agree? The corpus, the samples, a short seeded run, every chunk size of a small file, other kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from omsclaims.registry import formats
from tests.registry.documents import SHARED, shared

from . import compare, corpus, generate, units
from .__main__ import held
from .adapter import Named, Readers, readers
from .units import Outcome, Unit

CASES = corpus.packed()
GROUPS = sorted({case.name.partition("/")[0] for case in CASES})


def told(outcome: Outcome) -> str:
    """What a person needs to see of the first differences."""
    lines = [f"{outcome.figures['differences']} differences"]
    for failure in outcome.failures[:5]:
        lines += [failure.name, failure.told_of_smallest, repr(failure.smallest[:600])]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def pair() -> Readers:
    return readers()


# --- the corpus --------------------------------------------------------------------------------------------------------


def test_names_of_the_corpus_are_unique_and_many() -> None:
    cases = corpus.cases()
    assert len({case.name for case in cases}) == len(cases)
    structural = [
        case for case in cases if case.name.partition("/")[0] in ("roots", "records", "structures", "encodings", "tags", "names")
    ]
    assert len(structural) >= 250
    assert {case.expected for case in structural} == {"read", "refused", None}


@pytest.mark.parametrize("group", GROUPS)
def test_corpus(group: str) -> None:
    chunks = (None,) if group in ("editions", "structures") else (None, 97)
    outcome = held([case for case in CASES if case.name.startswith(f"{group}/")], chunks)
    assert outcome.figures["differences"] == 0, told(outcome)


def test_packed_corpus_holds_every_case() -> None:
    records = {case.record for case in corpus.cases() if case.record is not None}
    packed = b"".join(case.data for case in CASES if case.name.startswith("packed/"))
    assert len(records) > 1000
    assert all(record in packed for record in records)


def test_strict_reader_says_the_same_twice(pair: Readers) -> None:
    for case in corpus.cases()[::60]:
        first, again = compare.read(pair, case.data, case.named), compare.read(pair, case.data, case.named)
        assert compare.between(first, again) is None, case.name


# --- samples -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in SHARED.joinpath("samples").glob("*.xml")) or ["none"])
def test_samples(name: str, pair: Readers) -> None:
    data = shared("samples", name).read_bytes()
    accepted = 0
    for kind in (None, *name.partition("_")[0]):
        for chunk in (None, 64, 1000):
            named = Named(Path(name).stem, Path(name).stem, kind=kind)
            strict, fast = compare.read(pair, data, named), compare.read_fast(pair, data, named, chunk, 1)
            assert compare.between(strict, fast) is None
            accepted += fast is not None
    assert accepted


# --- a short run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, size, numbers", [("documents", 40, range(12)), ("mutations", 250, range(16)), ("files", 25, range(12))]
)
def test_short_run(kind: str, size: int, numbers: range, pair: Readers) -> None:
    total = Outcome()
    for number in numbers:
        total.add(units.run_with(Unit(kind, number, 7, size), pair))
    print(dict(total.figures))
    assert total.figures["differences"] == 0, told(total)
    least: Counter[str] = {
        "documents": Counter({"documents by the scanner": 100, "documents by the slow path": 100, "records compared": 400}),
        "mutations": Counter({"mutations by the scanner": 300, "mutations by the slow path": 500, "mutations malformed": 500}),
        "files": Counter({"files readable": 50, "files refused": 50, "files accepted": 30}),
    }[kind]
    assert total.figures >= least, total.figures


def test_units_go_through_all_editions_in_both_encodings() -> None:
    ids = formats.format_ids()
    seen = {(unit.edition, unit.codec) for unit in units.plan(0, 0, 2 * len(ids) * 100, 0, 1)}
    assert seen == {(edition, codec) for edition in ids for codec in units.CODECS}


def test_a_unit_repeats_exactly(pair: Readers) -> None:
    unit = Unit("mutations", 3, 11, 60)
    assert units.run_with(unit, pair).figures == units.run_with(unit, pair).figures


@pytest.mark.parametrize("threads", [1, 2])
def test_chunks_of_every_size(threads: int, pair: Readers) -> None:
    base = corpus.PERSONS
    data = base.whole((*base.records, base.records[1].replace("Иванов", "<![CDATA[</PERS>]]>")), between="<!-- </PERS> -->\n")
    strict = compare.read(pair, data, base.named)
    for size in range(1, len(data) + 2):
        fast = compare.read_fast(pair, data, base.named, size, threads)
        assert fast is not None, size
        assert compare.between(strict, fast) is None, size


def test_plain_documents_are_for_the_scanner_and_without_fault(pair: Readers) -> None:
    """The generator makes documents that nothing is wrong with, so that agreement is not only about faults."""
    faultless = scanned = 0
    for number in range(120):
        made = generate.document(("L_3.2", "H_3.2", "T_3.1")[number % 3], generate.seeded("plain", number))
        strict = compare.read(pair, made.data, made.named)
        assert not isinstance(strict, str)
        faultless += strict.findings.height == 0
        scanned += pair.accepts(made.data, made.named) == 0
    assert faultless >= 20 and scanned >= 40


# --- other kernels -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable, what", [("NUMBA_BOUNDSCHECK", "--corpus-packed"), ("NUMBA_DISABLE_JIT", "--corpus-small")])
def test_corpus_with_another_kernel(variable: str, what: str, tmp_path: Path) -> None:
    """The corpus with every index checked; and, a part of it only, with the compiler off, which is too slow for all."""
    # Compiled code of another making must not be taken from the cache.
    changed = {variable: "1", "OMSCLAIMS_KERNEL": "portable", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.registry.agreement", what]
    done = subprocess.run(
        command, env={**os.environ, **changed}, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )
    print(done.stdout[-2000:])
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "corpus:" in done.stdout


def test_what_is_kept_bears_the_namespaces_it_uses_alone() -> None:
    """Found by the long run: the root declares a namespace that an element kept from the header does not use."""
    data = (
        b'<ZL_LIST xmlns:p="u"><ZGLV><VERSION>3.1</VERSION><VERSION/><p:Q><p:W xmlns:z="t"/></p:Q></ZGLV>'
        b'<ZAP><N_ZAP>1</N_ZAP><p:X a="1"><Y/></p:X><PR_NOV>0<b xmlns:k="k"/>tail</PR_NOV></ZAP><ZAP><p:T/></ZAP></ZL_LIST>'
    )
    pair, named = readers(), Named(kind="H")
    strict, fast = compare.read(pair, data, named), compare.read_fast(pair, data, named, None, 1)
    assert fast is not None and compare.between(strict, fast) is None
    assert not isinstance(strict, str)
    assert strict.tables["extra"]["text"].to_list()[:2] == ["<VERSION/>", '<p:Q xmlns:p="u"><p:W/></p:Q>']


def test_a_header_that_reads_as_another_encoding_than_the_file_is_left_to_the_strict_reader() -> None:
    """Found by the long run: up to the first record the bytes are UTF-8, those of the record are windows-1251 as declared."""
    data = (
        b'<?xml version="1.0" encoding="windows-1251"?><ZL_LIST><SCHET><CODE_MO>\xd1\x91</CODE_MO></SCHET>'
        b"<ZAP><N_ZAP>1</N_ZAP><PR_NOV>\x84\x96</PR_NOV></ZAP><ZAP><N_ZAP>2</N_ZAP></ZAP></ZL_LIST>"
    )
    pair, named = readers(), Named(kind="H")
    assert compare.read_fast(pair, data, named, None, 1) is None
    strict = compare.read(pair, data, named)
    assert not isinstance(strict, str) and strict.tables["zap"]["n_zap"].to_list() == [1, 2]


def test_a_number_that_is_copied_into_its_column_may_not_repeat_either() -> None:
    """Found by the long run: RD 1.0 numbers its services under another column, from which the usual one is filled."""
    data = b"<ZL_LIST><ZAP><SLUCH><USL><IDSERV>27</IDSERV></USL><USL><IDSERV>27</IDSERV></USL></SLUCH></ZAP></ZL_LIST>"
    pair, named = readers(), Named(kind="R", period="2012-01")
    strict, fast = compare.read(pair, data, named), compare.read_fast(pair, data, named, None, 1)
    assert fast is not None and compare.between(strict, fast) is None
    assert not isinstance(strict, str)
    assert strict.format is not None and strict.format.id == "RD_1.0"
    assert strict.findings.filter(rule="S.911")["element"].to_list() == ["ZAP/SLUCH/USL/IDSERV"]
