"""Are limits numbers that make sense, and does a file of limits say clearly what is wrong with it?"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from omsclaims.registry import archive
from omsclaims.registry.limits import Limits, LimitsError, load, parse


def test_defaults_let_every_registry_through() -> None:
    limits = Limits()
    assert limits.entry_bytes >= 2 << 30 and limits.ratio >= 4 * 60 and limits.depth >= 4 * 9
    assert limits.text_bytes <= limits.record_bytes <= limits.entry_bytes <= limits.total_bytes
    assert archive.Limits is Limits


def test_limits_cannot_be_changed_or_be_nonsense() -> None:
    with pytest.raises(FrozenInstanceError):
        Limits().depth = 1000  # type: ignore[misc]
    for wrong in (0, -1, 1 << 60, True, 1.5, "9"):
        with pytest.raises(ValueError, match="depth"):
            Limits(depth=wrong)  # type: ignore[arg-type]


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text("# ours\nentries: 40\nrecord_bytes: 64 MiB\nentry_bytes: 4 gib\ntext_bytes: 2KiB\n", encoding="utf-8")
    assert load(path) == Limits(entries=40, record_bytes=64 << 20, entry_bytes=4 << 30, text_bytes=2 << 10)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"{}", b"\xef\xbb\xbf# mark\n"])
def test_an_empty_file_changes_nothing(content: bytes) -> None:
    assert parse(content) == Limits()


def test_every_limit_can_be_set() -> None:
    content = "\n".join(f"{item.name}: {number + 100}" for number, item in enumerate(fields(Limits)))
    assert [getattr(parse(content.encode()), item.name) for item in fields(Limits)] == [
        n + 100 for n in range(len(fields(Limits)))
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"dept: 3", "there is no limit dept; there are entries, "),
        (b"depth: 0", 'the limit depth must be a whole number from 1 to 1125899906842624 (64 KiB, 16 MiB, 2 GiB are understood), but it says "0"'),
        (b"depth: lots", 'but it says "lots"'), (b"depth: 1.5", 'but it says "1.5"'), (b"depth: true", 'but it says "True"'),
        (b"depth: null", 'but it says "None"'), (b"depth: [3]", 'but it says "[3]"'), (b"depth: 16 MB", 'but it says "16 MB"'),
        (b"depth: 99999999 GiB", "whole number"),
        (b"depth: 3\nratio: 5\ndepth: 4", "line 3: the limit depth stands twice"),
        (b"depth: 3\nratio: [", "line 2: not YAML"), (b"a: &a 3\nb: *a", "line 2: not YAML"), (b"depth: !!python/name:os.system", "line 1"),
        (b"- 3", "lines of the form"), (b"depth", "lines of the form"), (b"\xff", "not UTF-8, byte 0"), (b"{[1]: 2}", "line 1: not YAML"),
        (b"a" * 70_000, "more than 65536 bytes"), (b"[" * 5000, "not YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "limits.yaml"
    path.write_bytes(content)
    with pytest.raises(LimitsError) as error:
        load(path)
    assert told in error.value.text("en") and error.value.text("en").startswith("limits.yaml")
    assert error.value.text("ru").startswith("limits.yaml") and error.value.text("ru") != error.value.text("en")


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(LimitsError) as error:
        parse(b"depth: 0\nwhat: 1\nratio: x", "l.yaml")
    assert len(error.value.text("ru").splitlines()) == 3


def test_no_file_is_an_error_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"absent\.yaml"):
        load(tmp_path / "absent.yaml")
