"""Do members come out whole, again and again, and nothing else? The hostile files as users meet them are in `test_zoo`."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import messages
from omsclaims.registry.archive import Limits, Member, MemberError, open_archive

from . import zoo
from .documents import zipped
from .zoo import Part, archive


def reasons(data: bytes, limits: Limits | None = None) -> list[tuple[str, object]]:
    return [(finding.rule, finding.params["reason"]) for finding in open_archive(data, limits, "P").findings]


def test_members_come_out_whole() -> None:
    archive = open_archive(zipped({"a.xml": b"<a/>", "b.xml": b"<b/>" * 1000}))
    assert [(member.name, len(member.data)) for member in archive.members] == [("a.xml", 4), ("b.xml", 4000)]
    assert archive.findings == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/x.xml", "path"), ("../x.xml", "path"), ("a/../../x.xml", "path"), ("..\\x.xml", "path"), ("C:x.xml", "path"),
        ("dir/x.xml", "folder"), ("x.zip", "nested"), ("x.OMS", "nested"), ("x.7z", "nested"),
    ],
)  # fmt: skip
def test_dangerous_names_are_not_read(name: str, reason: str) -> None:
    archive = open_archive(zipped({name: b"x", "good.xml": b"<a/>"}), package="P")
    assert [(finding.rule, finding.params["reason"]) for finding in archive.findings] == [("S.804", reason)]
    assert [member.name for member in archive.members] == ["good.xml"]


def test_same_name_twice_in_any_case() -> None:
    assert reasons(zipped({"a.xml": b"<a/>", "A.XML": b"<b/>"})) == [("S.804", "twice")]


def test_encrypted() -> None:
    data = bytearray(zipped({"a.xml": b"<a/>"}))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = data.index(mark) + (6 if mark.endswith(b"\x04") else 8)
        data[at] |= 1
    assert reasons(bytes(data)) == [("S.804", "encrypted")]


def test_bomb_is_stopped_while_it_streams() -> None:
    limits = Limits(entry_bytes=1 << 30, ratio=100, ratio_from_bytes=1 << 20)
    assert reasons(zipped({"a.xml": b"\0" * (8 << 20)}), limits) == [("S.804", "ratio")]
    assert reasons(zipped({"a.xml": b"x" * 5000}), Limits(entry_bytes=4999)) == [("S.804", "too_big")]
    assert reasons(zipped({"a.xml": b"x" * 3000, "b.xml": b"x" * 3000}), Limits(total_bytes=5000)) == [("S.804", "too_big")]
    assert reasons(zipped({f"{n}.xml": b"x" for n in range(17)})) == [("S.804", "too_many")]


def test_size_of_the_directory_is_not_believed() -> None:
    data = bytearray(zipped({"a.xml": b"x" * 100_000}))
    at = data.index(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    data[at : at + 4] = (10).to_bytes(4, "little")
    archive = open_archive(bytes(data), Limits(entry_bytes=1000), "P")
    assert all(len(member.data) <= 1000 for member in archive.members)


@pytest.mark.parametrize("data", [b"", b"PK", b"hello", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_not_an_archive(data: bytes) -> None:
    archive = open_archive(data, package="P")
    assert archive.members == () and [finding.rule for finding in archive.findings] == ["S.801"]


def test_damaged_entry() -> None:
    data = bytearray(zipped({"a.xml": bytes(range(256)) * 50}))
    data[60] ^= 0xFF
    archive = open_archive(bytes(data), package="P")
    assert archive.members == () and [finding.rule for finding in archive.findings] == ["S.801"]


def test_russian_names_of_old_archivers() -> None:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("ABCDE.xml", b"<a/>")
    data = kept.getvalue().replace(b"ABCDE", "Отчёт".encode("cp866"))
    assert [member.name for member in open_archive(data).members] == ["Отчёт.xml"]


class _OneWay(io.BytesIO):
    """A stream that cannot go back: sizes and checksums then stand behind the bytes."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize("way", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("one_way", [False, True])
@pytest.mark.parametrize("wide", [False, True])
def test_archives_of_every_make_are_read(way: int, one_way: bool, wide: bool) -> None:
    kept = _OneWay() if one_way else io.BytesIO()
    with zipfile.ZipFile(kept, "w", way) as made:
        made.comment = "упаковано".encode("cp866")
        made.mkdir("empty")
        for name, data in (("a.xml", b"<a/>" * 100), ("b.xml", b"")):
            with made.open(name, "w", force_zip64=wide) as stream:
                stream.write(data)
    found = open_archive(kept.getvalue())
    assert found.findings == () and {member.name: member.data for member in found.members} == {
        "a.xml": b"<a/>" * 100,
        "b.xml": b"",
    }


def test_a_member_is_read_in_parts_again_and_again(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    path = tmp_path / "p.zip"
    path.write_bytes(zipped({"a.xml": data}))
    for source in (path, path.read_bytes()):
        for verify in (True, False):
            (member,) = open_archive(source, verify=verify).members
            for size in (1, 1000, 1 << 22):
                with member.open() as stream:
                    assert stream.read(size) == data[:size]
                    assert stream.read(7) == data[size : size + 7]
            with member.open() as stream:
                assert b"".join(iter(lambda: stream.read(4096), b"")) == data
            assert member.data == data and member.data is member.data


def test_a_large_member_is_never_held() -> None:
    data = zipped({"a.xml": bytes(range(256)) * (64 << 12)})
    tracemalloc.start()
    (member,) = open_archive(data, Limits(ratio=10_000)).members
    with member.open() as stream:
        size = sum(len(part) for part in iter(lambda: stream.read(1 << 20), b""))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 64 << 20 and peak < 8 << 20


def test_unverified_members_fail_while_they_are_read() -> None:
    data = archive(Part(b"a.xml", b"x" * 100_000, local={"crc": 1}, central={"crc": 1}))
    found = open_archive(data, package="P", verify=False)
    assert found.findings == () and len(found.members) == 1
    with pytest.raises(MemberError) as error, found.members[0].open() as stream:
        stream.read()
    finding = error.value.finding("P")
    assert (finding.rule, finding.value, finding.params["reason"], finding.package) == ("S.801", "a.xml", "crc", "P")
    assert "контрольная сумма" in finding.text("ru") and "checksum" in finding.text("en")


@pytest.mark.parametrize("told", [99_999, 100_001])
def test_a_size_that_is_not_true_ends_the_stream(told: int) -> None:
    data = archive(Part(b"a.xml", b"x" * 100_000, local={"size": told}, central={"size": told}))
    assert reasons(data) == [("S.804", "lie")]


def test_one_bad_file_leaves_the_others() -> None:
    data = archive(Part(b"a.xml", b"<a/>", flags=1), Part(b"b.xml", b"<b/>"))
    found = open_archive(data)
    assert [member.data for member in found.members] == [b"<b/>"] and len(found.findings) == 1


def test_limits_count() -> None:
    many = zipped({f"{number}.xml": b"x" * 1000 for number in range(4)})
    assert reasons(many) == []
    assert reasons(many, Limits(entries=3)) == [("S.804", "too_many")]
    assert reasons(many, Limits(directory_bytes=100)) == [("S.804", "directory")]
    assert reasons(many, Limits(package_bytes=100)) == [("S.804", "too_big")]
    assert reasons(many, Limits(total_bytes=3999)) == [("S.804", "too_big")] and reasons(many, Limits(total_bytes=4000)) == []
    assert reasons(many, Limits(entry_bytes=999)) == [("S.804", "too_big")] * 4
    assert reasons(many, Limits(name_bytes=4)) == [("S.804", "name_long")] * 4
    assert reasons(many, Limits(ratio=10, ratio_from_bytes=999)) == [("S.804", "ratio")] * 4
    # Each for itself may be dense, all together may not.
    assert reasons(many, Limits(ratio=5, ratio_from_bytes=1000)) == [("S.804", "ratio")]


def _path_field(raw: bytes, name: str) -> bytes:
    content = struct.pack("<BL", 1, zlib.crc32(raw)) + name.encode()
    return struct.pack("<2H", 0x7075, len(content)) + content


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Part("Отчёт.xml".encode("cp866")), "Отчёт.xml"), (Part("Отчёт.xml".encode(), flags=0x800), "Отчёт.xml"),
        (Part(b"???.xml", central={"extra": _path_field(b"???.xml", "Тест.xml")}), "Тест.xml"),
        (Part("Тест.xml".encode("cp1251"), central={"extra": _path_field("Тест.xml".encode("cp1251"), "Тест.xml")}), "Тест.xml"),
        (Part(b"a.xml", central={"extra": _path_field(b"b.xml", "Тест.xml")}), "a.xml"),  # the field of another name
    ],
)  # fmt: skip
def test_names_as_they_were_meant(part: Part, name: str) -> None:
    found = open_archive(archive(part))
    assert [member.name for member in found.members] == [name] and found.findings == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"a\x00.xml", "name"), (b"a\n.xml", "name"), (b"a\x7f.xml", "name"), (b"a*.xml", "name"), (b"a.xml.", "name"), (b" a.xml", "name"),
        (b"com1.xml", "name"), (b"LPT9", "name"), (b".", "path"), (b"./..", "path"), (b"./a.xml", "folder"), (b"a\\", "folder"), (b"", "path"),
        (b"//host/share/a.xml", "path"), (b"\\\\?\\C:\\a.xml", "path"), (b"a.tar", "nested"), (b"a.Gz", "nested"), (b"../", "path"),
        (b"a" * 300, "name_long"),
    ],
)  # fmt: skip
def test_names_that_are_refused(name: bytes, reason: str) -> None:
    assert reasons(archive(Part(name, b"<a/>"), Part(b"good.xml", b"<a/>"))) == [("S.804", reason)]


def test_a_name_that_is_no_text_is_refused() -> None:
    assert reasons(archive(Part(b"\xff\xfe.xml", flags=0x800))) == [("S.804", "name")]


def test_a_finding_shows_a_name_without_what_moves_the_cursor() -> None:
    (finding,) = open_archive(archive(Part(b"a\x1b[2J\r\n.xml"))).findings
    assert finding.value == "a?[2J??.xml" and finding.params["name"] == finding.value


def test_a_member_has_bytes_or_a_way_to_them(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(b"<a/>")
    assert Member.of_path(path).data == b"<a/>" and Member("a", b"").data == b"" and Member("a", b"x").open().read() == b"x"
    with pytest.raises(ValueError, match="either"):
        Member("a")


_GOOD = archive(*zoo.good())


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(_GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.integers(0, len(_GOOD))
)
def test_any_damage_is_a_finding_or_does_not_matter(changes: list[tuple[int, int]], length: int) -> None:
    """Never an exception, never other content than was packed: what still opens is the same, byte for byte."""
    data = bytearray(_GOOD)
    for at, value in changes:
        data[at] = value
    packed = {part.data for part in zoo.good()}
    for damaged in (bytes(data), bytes(data[:length])):
        found = open_archive(damaged, package="P")
        assert {member.data for member in found.members} <= packed
        assert found.findings or len(found.members) == 2
        assert all(messages.has(f"registry.reason.{finding.params['reason']}") for finding in found.findings)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=8).map("{}.xml".format), st.binary(max_size=3000), max_size=5))
def test_what_zipfile_packs_comes_out(files: dict[str, bytes]) -> None:
    plain = {name: b"<" + data for name, data in files.items()}
    found = open_archive(zipped(plain))
    assert {member.name: member.data for member in found.members} == plain
    assert [finding.params["reason"] for finding in found.findings] == ([] if files else ["no_files"])
