"""What do the tests of the command line share? Running a command as a user does, and packages spoiled byte by byte."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from omsclaims import cli
from omsclaims.workspace import PackageRow, Workspace

DAY = "2022-04-12"


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything printed, with no-break spaces as spaces."""
        return (self.out + self.err).replace("\xa0", " ")


def run(*arguments: object, lang: str | None = "en") -> Said:
    """One command of the command line, exactly as its entry point gets it."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main([*map(str, arguments), *(["--lang", lang] if lang else [])])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return Said(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Package:
    """A package in the hand: its name and the text of its two files."""

    name: str
    main: str
    person: str

    @property
    def person_name(self) -> str:
        return f"L{self.name[1:]}"

    def changed(self, old: str, new: str, count: int = 1) -> Package:
        """With `old` replaced in the main file; the place must be there."""
        assert old in self.main, old
        return replace(self, main=self.main.replace(old, new, count))

    def members(self) -> dict[str, bytes]:
        return {
            f"{self.name}.xml": self.main.encode("windows-1251"),
            f"{self.person_name}.xml": self.person.encode("windows-1251"),
        }

    def between(self, tag: str, occurrence: int = 0) -> str:
        """The text of an element of the main file."""
        return self.main.split(f"<{tag}>")[occurrence + 1].split(f"</{tag}>")[0]


def unpack(path: Path) -> Package:
    """A package of the made-up territory."""
    with zipfile.ZipFile(path) as archive:
        main = archive.read(f"{path.stem}.xml").decode("windows-1251")
        return Package(path.stem, main, archive.read(f"L{path.stem[1:]}.xml").decode("windows-1251"))


def pack(folder: Path, package: Package, members: dict[str, bytes] | None = None, name: str | None = None) -> Path:
    """The package as a ZIP, or any other members under its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name or package.name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in (package.members() if members is None else members).items():
            archive.writestr(member, data)
    return path


def clean_packages(made: Path, month: str, wanted: Callable[[Package], bool] = lambda _: True) -> list[Path]:
    """H packages of a month in which nothing was planted, the larger first."""
    planted = set(pl.read_csv(made / "planted.csv", infer_schema=False)["package"])
    paths = [path for path in sorted((made / "packages" / month).glob("HM*.zip")) if path.stem not in planted]
    chosen = [path for path in paths if wanted(unpack(path))]
    return sorted(chosen, key=lambda path: (-unpack(path).main.count("<Z_SL>"), path.stem))


def packages(workspace: Path) -> dict[str, PackageRow]:
    """Packages that the workspace publishes, by name (the last one of a name wins)."""
    with Workspace.open(workspace) as store:
        return {row.package: row for row in store.packages()}


def chain(workspace: Path) -> list[tuple[str, str | None]]:
    """(kind, why) of the events of the audit chain; the chain must be whole."""
    with Workspace.open(workspace) as store:
        assert store.chain_breaks() == []
        return [(kind, why) for kind, why in store.rows("SELECT kind, why FROM chain ORDER BY seq")]
