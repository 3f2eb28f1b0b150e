"""Does a backup bring back what was there, all of it or nothing, whatever was done to it on the way?"""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import backup, contract, verify
from omsclaims.workspace import DATABASE, Workspace, WorkspaceError
from tests.cli.cli_samples import run

DAY = date(2022, 4, 12)
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a register of clinics and one of persons, and a document."""
    made = tmp_path_factory.mktemp("backup") / "ws"
    Workspace.create(made, "75", "fund", DAY, "tester")
    rows = [("750901", "Больница", date(2020, 1, 1), None)]
    with Workspace.writing(made) as ws:
        ws.store_register("reg_clinic", pl.DataFrame(rows, schema=contract.TABLES["reg_clinic"].schema(), orient="row"), DAY)
        ws.store_register("reg_insured", contract.TABLES["reg_insured"].empty(), DAY)
        ws.record("register load", DAY, "tester", None, {})
    return made


@pytest.fixture(params=["folder", "tar"])
def saved(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    target = tmp_path / ("copy.tar" if request.param == "tar" else "copy")
    backup.backup(folder, target)
    return target


def key_of(error: pytest.ExceptionInfo[WorkspaceError]) -> str:
    return error.value.key


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "lock"
    }  # fmt: skip


def test_what_is_brought_back_is_what_was_there(folder: Path, saved: Path, tmp_path: Path) -> None:
    made = backup.restore(saved, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)
    assert made.files == len(contents(folder)) and made.bytes == sum(map(len, contents(folder).values()))
    with Workspace.proving(tmp_path / "back") as ws:
        assert verify.verify(ws, made.head["hash"]).findings.is_empty()
    with Workspace.writing(tmp_path / "back") as ws:  # and it goes on
        ws.record("next", DAY, "tester", None, {})


def test_copies_are_private(saved: Path, tmp_path: Path) -> None:
    backup.restore(saved, tmp_path / "back")
    assert stat.S_IMODE((tmp_path / "back").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "back" / "secret.key").stat().st_mode) == 0o600
    files = [saved] if saved.is_file() else [path for path in saved.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_backup_is_not_written_over_anything(folder: Path, saved: Path) -> None:
    before = saved.read_bytes() if saved.is_file() else contents(saved)
    with pytest.raises(WorkspaceError) as raised:
        backup.backup(folder, saved)
    assert key_of(raised) == "backup.exists"
    assert (saved.read_bytes() if saved.is_file() else contents(saved)) == before
    with pytest.raises(WorkspaceError) as raised:
        backup.backup(folder, folder / "reports" / "copy.tar")
    assert key_of(raised) == "backup.inside"


def test_a_workspace_is_not_restored_over(folder: Path, saved: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    before = contents(other)
    with pytest.raises(WorkspaceError) as raised:
        backup.restore(saved, other)
    assert key_of(raised) == "workspace.not_empty"
    assert contents(other) == before


def test_an_empty_folder_is_filled(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    backup.restore(saved, tmp_path / "back")
    with Workspace.open(tmp_path / "back") as ws:
        assert ws.register("reg_clinic").height == 1


def test_the_folder_that_one_stands_in(folder: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.` is a folder like any other, and stays the one that the user stands in."""
    places = tmp_path / "made", tmp_path / "back"
    for place in places:
        place.mkdir()
    monkeypatch.chdir(places[0])
    number = Path().stat().st_ino
    backup.backup(folder, Path())
    assert sorted(path.name for path in Path().iterdir()) == ["manifest.json", "workspace"]
    assert (Path().stat().st_ino, stat.S_IMODE(Path().stat().st_mode)) == (number, 0o700)
    monkeypatch.chdir(places[1])
    backup.restore(saved, Path())
    assert contents(Path()) == contents(folder)
    (tmp_path / "again").mkdir()
    backup.restore(places[0], tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["again", "back", "made", saved.name])  # nothing left over
    with pytest.raises(WorkspaceError) as raised:  # it is not empty now
        backup.backup(folder, Path())
    assert key_of(raised) == "backup.exists"


def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for name in ("text.tar", "empty", "absent"):
        with pytest.raises(WorkspaceError) as raised:
            backup.restore(tmp_path / name, tmp_path / "back")
        assert key_of(raised) == "backup.none"
    assert not (tmp_path / "back").exists()


# ---- damaged or forged -------------------------------------------------------------------------------------------------------


def repacked(saved: Path, change: Callable[[dict[str, bytes]], None], extra: list[tarfile.TarInfo] | None = None) -> Path:
    """The backup with its files changed: name -> content, as an archive or a folder."""
    if saved.is_dir():
        files = contents(saved)
        change(files)
        target = saved.with_name("forged")
        for name, data in files.items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(data)
        return target
    with tarfile.open(saved) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    change(files)
    target = saved.with_name("forged.tar")
    with tarfile.open(target, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for entry in extra or []:
            archive.addfile(entry)
    return target


def flip(files: dict[str, bytes]) -> None:
    name = next(name for name in files if "reg_clinic" in name)
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])


def lose(files: dict[str, bytes]) -> None:
    del files[f"workspace/{DATABASE}"]


def add(files: dict[str, bytes]) -> None:
    files["workspace/tables/more.parquet"] = b"x"


def manifest(change: Callable[[dict[str, object]], None]) -> Callable[[dict[str, bytes]], None]:
    def act(files: dict[str, bytes]) -> None:
        said = json.loads(files["manifest.json"])
        change(said["files"])
        files["manifest.json"] = json.dumps(said).encode()

    return act


def unlisted_database(listed: dict[str, object]) -> None:
    del listed[DATABASE]


def no_json(files: dict[str, bytes]) -> None:
    files["manifest.json"] = b"{"


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (flip, "backup.damaged_file"), (lose, "backup.damaged_missing"), (add, "backup.damaged_unknown"),
        (manifest(unlisted_database), "backup.damaged_unknown"), (no_json, "backup.damaged_manifest"),
    ],
)  # fmt: skip
def test_a_damaged_backup_leaves_nothing(
    saved: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], key: str
) -> None:  # fmt: skip
    with pytest.raises(WorkspaceError) as raised:
        backup.restore(repacked(saved, change), tmp_path / "back")
    assert key_of(raised) == key
    assert not (tmp_path / "back").exists()
    assert [path.name for path in tmp_path.iterdir() if "restoring" in path.name] == []


@pytest.mark.parametrize(
    "name", ["../out", "/tmp/out", "tables/../../out", "tables\\..\\out", "lock", "out", "tables", "tables//x", "tables/./x", "reports/\0"]
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(saved: Path, tmp_path: Path, name: str) -> None:
    def leads_elsewhere(listed: dict[str, object]) -> None:
        listed[name] = {"sha256": "0" * 64, "bytes": 1}

    with pytest.raises(WorkspaceError) as raised:
        backup.restore(repacked(saved, manifest(leads_elsewhere)), tmp_path / "back")
    assert key_of(raised) == "backup.damaged_name"
    assert not (tmp_path / "back").exists() and not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_an_archive_with_anything_but_files_is_refused(folder: Path, tmp_path: Path, kind: bytes) -> None:
    backup.backup(folder, tmp_path / "copy.tar")
    entry = tarfile.TarInfo("workspace/tables/link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with pytest.raises(WorkspaceError) as raised:
        backup.restore(repacked(tmp_path / "copy.tar", lambda _: None, [entry]), tmp_path / "back")
    assert key_of(raised) == "backup.damaged_name"


def test_a_link_in_a_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    backup.backup(folder, tmp_path / "copy")
    path = next((tmp_path / "copy").rglob("reg_clinic*"))
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(WorkspaceError) as raised:
        backup.restore(tmp_path / "copy", tmp_path / "back")
    assert key_of(raised) == "backup.damaged_name"


def test_an_archive_that_was_cut_is_refused(folder: Path, tmp_path: Path) -> None:
    backup.backup(folder, tmp_path / "copy.tar")
    data = (tmp_path / "copy.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(data[: len(data) // 2])
    with pytest.raises(WorkspaceError) as raised:
        backup.restore(tmp_path / "cut.tar", tmp_path / "back")
    assert key_of(raised).startswith("backup.")
    assert not (tmp_path / "back").exists()


# ---- commands, two processes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_commands_save_bring_back_and_prove(folder: Path, tmp_path: Path, lang: str) -> None:
    made = run("backup", folder, tmp_path / "copy.tar", lang=lang)
    assert made.code == 0 and "secret.key" in made.text and backup.fingerprint(tmp_path / "copy.tar") in made.text
    back = run("restore", tmp_path / "copy.tar", tmp_path / "back", lang=lang)
    assert back.code == 0 and {"ru": "Всё сходится", "en": "Everything agrees"}[lang] in back.text
    again = run("restore", tmp_path / "copy.tar", tmp_path / "back", lang=lang)
    assert again.code == 2 and str(tmp_path / "back") in again.text


def test_a_backup_of_what_was_tampered_with_is_restored_and_told(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    path = next((other / "tables").glob("reg_clinic*"))
    path.write_bytes(path.read_bytes() + b"x")
    backup.backup(other, tmp_path / "copy")
    told = run("restore", tmp_path / "copy", tmp_path / "back")
    assert told.code == 1 and path.name in told.text


_WRITER = """
import sys, time
from datetime import date
from pathlib import Path
from omsclaims.workspace import Workspace
with Workspace.writing(Path(sys.argv[1])) as ws:
    ws.record("long", date(2022, 4, 12), "first", None, {})
    print("writing", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(
    "words", [("ingest", "{file}", "--workspace", "{ws}"), ("verify", "{ws}"), ("backup", "{ws}", "{ws}-copy")]
)
@pytest.mark.parametrize("lang", ["ru", "en"])
def test_while_one_process_writes_another_is_told_to_wait(
    folder: Path, tmp_path: Path, words: tuple[str, ...], lang: str
) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    file = tmp_path / "HM750901T75_220301.zip"
    file.write_bytes(b"")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(other)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment
    )
    assert writer.stdin is not None and writer.stdout is not None
    assert writer.stdout.readline().strip() == b"writing"
    given = [word.format(ws=other, file=file) for word in words]
    command = [sys.executable, "-c", "from omsclaims.cli import main; main()", *given, "--lang", lang]
    second = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, check=False)
    said = (second.stdout + second.stderr).decode()
    assert second.returncode == 2 and {"ru": "другой процесс", "en": "Another process"}[lang] in said
    with Workspace.open(other) as ws:  # readers see what was before
        assert ws.next_seq() == 3
    writer.stdin.write(b"\n")
    writer.stdin.flush()
    assert writer.wait(60) == 0
    with Workspace.proving(other) as ws:
        assert ws.next_seq() == 4
        assert verify.verify(ws).findings.is_empty()
