"""A file read part by part, or to Parquet, gives the tables and findings of a file read at once."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from omsclaims import findings
from omsclaims.registry import stream
from omsclaims.registry.formats import format_ids, get
from omsclaims.registry.parsing import XmlRead, read_xml
from tests.registry.documents import NAME, document, main_document, person_document


def spoilt(content: bytes) -> bytes:
    """A file with something of everything: a comment, an unknown element, bad values, a missing element, a repeated number."""
    records = content.split(b"<ZAP>")
    records[2] = records[2].replace(b"<SUMV>", b"<!-- c --><SUMV>").replace(b"<DS1>J06.9</DS1>", b"")
    records[3] = records[3].replace(b"<LPU>", b"<OURS>x</OURS><LPU>").replace(b"<NOVOR>0</NOVOR>", b"<NOVOR></NOVOR>")
    records[4] = records[4].replace(b"<SUMV>100.00</SUMV>", b"<SUMV>1e2</SUMV>").replace(b"<KOL_USL>1.00<", b"<KOL_USL>-1.00<")
    records[5] = records[5].replace(b"<N_ZAP>5</N_ZAP>", b"<N_ZAP>1</N_ZAP>")
    records[6] = records[6].replace(b"<IDCASE>106</IDCASE>", b"<IDCASE>101</IDCASE>")
    return b"<ZAP>".join(records)


def joined(parts: list[stream.Part]) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """All parts from the last restart on as one."""
    start = max((number for number, part in enumerate(parts) if part.restart), default=0)
    kept = parts[start:]
    tables = {name: pl.concat([part.complete[name] for part in kept]) for name in kept[0].complete}
    tables["exceptions"] = tables["exceptions"].sort("table", "_row", "column", maintain_order=True)
    return tables, findings.concat([part.findings for part in kept])


def assert_same(tables: dict[str, pl.DataFrame], found: pl.DataFrame, whole: XmlRead) -> None:
    for name, frame in whole.tables.items():
        assert tables[name].equals(frame), name
    assert findings.concat([found]).equals(whole.findings)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk_bytes", [None, 700, 5_000])
def test_parts_make_the_whole(threads: int, chunk_bytes: int | None) -> None:
    content = spoilt(main_document(records=30))
    whole = read_xml(content, NAME, NAME, path="strict")
    parts = list(stream.batches(lambda: io.BytesIO(content), threads=threads, chunk_bytes=chunk_bytes, file_stem=NAME))
    assert not any(part.restart for part in parts)
    assert chunk_bytes is None or len(parts) > 3
    assert {"S.901", "S.902", "S.903", "S.907", "S.908", "S.909"} <= set(whole.findings["rule"])
    assert_same(*joined(parts), whole)


@pytest.mark.parametrize("threads", [1, 2])
def test_parquet_holds_the_same(tmp_path: Path, threads: int) -> None:
    content = spoilt(main_document(records=30))
    source = tmp_path / f"{NAME}.xml"
    source.write_bytes(content)
    done = stream.to_parquet(source, tmp_path / "out", threads, chunk_bytes=3_000)
    whole = read_xml(content, NAME, NAME, path="strict")
    assert done.scanned and done.refused == whole.refused and done.findings == whole.findings.height
    assert done.rows == {name: frame.height for name, frame in whole.tables.items() if frame.height}
    tables = {path.stem: pl.read_parquet(path) for path in (tmp_path / "out").glob("*.parquet")}
    for name, frame in whole.tables.items():
        assert tables.get(name, frame).equals(frame), name
        assert name in tables or not frame.height
    assert findings.concat([tables["findings"]]).equals(whole.findings)


def test_repeats_of_persons_are_found_behind_parquet(tmp_path: Path) -> None:
    content = person_document(records=9).replace(b"<ID_PAC>p7</ID_PAC>", b"<ID_PAC>p2</ID_PAC>")
    source = tmp_path / f"L{NAME[1:]}.xml"
    source.write_bytes(content)
    stream.to_parquet(source, tmp_path / "out", 1, chunk_bytes=400, package=NAME)
    found = pl.read_parquet(tmp_path / "out" / "findings.parquet")
    assert found.filter(pl.col("rule") == "S.914")["line"].to_list() == read_xml(content, source.stem, NAME).findings.filter(
        pl.col("rule") == "S.914"
    )["line"].to_list()  # fmt: skip
    assert found.filter(pl.col("rule") == "S.914").height == 1


@pytest.mark.parametrize("edition", format_ids())
@pytest.mark.parametrize("full", [True, False])
def test_every_edition_streams(edition: str, full: bool) -> None:
    kind = get(edition).kinds[0]
    content = document(get(edition), full=full, records=4)
    whole = read_xml(content, "x", "x", kind=kind, path="strict")
    parts = list(stream.batches(lambda: io.BytesIO(content), chunk_bytes=2_000, file_stem="x", kind=kind))
    assert not any(part.restart for part in parts)
    assert_same(*joined(parts), whole)


def test_a_file_that_is_not_scanned_is_read_as_a_whole(tmp_path: Path) -> None:
    content = main_document(records=12).replace(b"</ZL_LIST>", b"<COMENTS>after</COMENTS></ZL_LIST>")
    source = tmp_path / f"{NAME}.xml"
    source.write_bytes(content)
    whole = read_xml(content, NAME, NAME, path="strict")
    parts = list(stream.batches(source, chunk_bytes=1_000))
    assert parts[-1].restart
    assert_same(*joined(parts), whole)
    done = stream.to_parquet(source, tmp_path / "out", chunk_bytes=1_000)
    assert not done.scanned
    assert pl.read_parquet(tmp_path / "out" / "zap.parquet").equals(whole.tables["zap"])
    assert pl.read_parquet(tmp_path / "out" / "findings.parquet").equals(whole.findings)


def test_what_is_refused_leaves_a_finding(tmp_path: Path) -> None:
    source = tmp_path / f"{NAME}.xml"
    source.write_bytes(main_document(records=2)[:-40])
    done = stream.to_parquet(source, tmp_path / "out")
    assert done.refused
    assert pl.read_parquet(tmp_path / "out" / "findings.parquet")["rule"].to_list() == ["S.807"]


def test_a_folder_is_never_overwritten_and_appears_whole(tmp_path: Path) -> None:
    source = tmp_path / f"{NAME}.xml"
    source.write_bytes(main_document(records=2))
    stream.to_parquet(source, tmp_path / "out")
    with pytest.raises(FileExistsError):
        stream.to_parquet(source, tmp_path / "out")

    class Torn(io.BytesIO):
        def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
            if self.tell() > 1_000:
                raise OSError("torn")
            return super().readinto(memoryview(buffer)[:100])

    with pytest.raises(OSError, match="torn"):
        stream.to_parquet(lambda: Torn(main_document(records=9)), tmp_path / "other", file_stem=NAME, chunk_bytes=500)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{NAME}.xml", "out"]
