from __future__ import annotations

import io
import zipfile

import pytest

from omsclaims.registry.archive import Limits, open_archive

from .documents import zipped


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
