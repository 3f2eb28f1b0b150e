"""The demo: a made-up territory, two months taken in and closed, held against what was planted."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import shutil
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from omsclaims import closing, intake, messages, truth
from omsclaims.cli import common, words
from omsclaims.cli.months import show_closing
from omsclaims.cli.store import THREADS, read_register
from omsclaims.law.agreement import load_agreement
from omsclaims.nsi import loader
from omsclaims.periods import Month
from omsclaims.synthetic import territory as synthetic
from omsclaims.workspace import Workspace

MONTHS: Final = (Month(2022, 2), Month(2022, 3))
#: The day on which the demo works: bills of March lie in by then, and nothing depends on the clock.
AS_OF: Final = date(2022, 4, 12)
WHO: Final = "demo"


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the command."""
    text = messages.text

    @words.command(app, "demo", lang)
    def demo(
        cases: Annotated[int, typer.Option("--cases", min=200, help=text("cli.demo.cases", lang))] = 50_000,
        out: Annotated[Path, typer.Option("--out", help=text("cli.demo.out", lang))] = Path("demo"),
        seed: Annotated[int, typer.Option("--seed", help=text("cli.demo.seed", lang))] = 20220301,
        threads: Annotated[int, typer.Option("--threads", min=1, help=text("cli.option.threads", lang))] = THREADS,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        started = time.monotonic()
        made = out / "territory"
        folder = out / "workspace"
        clear(out, lang)
        with common.progress_bar(text("cli.demo.building", lang, cases=cases)):
            synthetic.build(made, cases, seed)
        common.out.print(text("cli.demo.built", lang, folder=made, cases=cases, seed=seed), markup=False)
        prepare(made, folder)
        for month in MONTHS:
            take_in_and_close(made, folder, month, threads, lang)
        report = truth.compare(made, folder, [str(month) for month in MONTHS])
        for line in truth.lines(report, lang):
            common.out.print(line, markup=False)
        common.out.print(text("cli.demo.done", lang, seconds=round(time.monotonic() - started), workspace=folder), markup=False)
        raise typer.Exit(common.CLEAN if report.agrees else common.FINDINGS)


def clear(out: Path, lang: str) -> None:
    """Makes room for the demo; never touches a folder that an earlier demo did not make."""
    marker = out / ".omsclaims-demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise typer.BadParameter(messages.text("cli.demo.not_empty", lang, folder=out))
    for part in ("territory", "workspace"):
        if (out / part).exists():
            shutil.rmtree(out / part)
    out.mkdir(parents=True, exist_ok=True)
    marker.touch()


def prepare(made: Path, folder: Path, payments: str = "planned") -> None:
    """A workspace for the made-up territory: books, registers, agreement. payments: workspace.PAYMENT_MODES."""
    Workspace.create(folder, "75", "fund", AS_OF, WHO, payments=payments)
    with Workspace.writing(folder) as store:
        for path in sorted((made / "books").glob("*.csv")):
            loaded = loader.load_book(path)
            assert loaded.book is not None and not loaded.findings.height, f"{path}: the made-up book does not load"
            store.store_book(loaded.book, AS_OF)
        for path in sorted((made / "registers").iterdir()):
            store.store_register(path.stem, read_register(path, "en"), AS_OF)
        store.store_agreement(load_agreement(made / "agreement").year, made / "agreement", AS_OF)
        store.record("prepare", AS_OF, WHO, None, {"source": "synthetic territory"})


def take_in_and_close(made: Path, folder: Path, month: Month, threads: int, lang: str) -> closing.Closing:
    """Takes in the packages of a month and closes it."""
    text = messages.text
    files = common.existing_files([made / "packages" / str(month)], lang)
    with Workspace.writing(folder) as store, common.progress_bar(text("cli.ingest.progress", lang), len(files)) as bar:
        task = bar.task_ids[0]
        done = intake.ingest(store, files, AS_OF, WHO, threads, lambda _, count, __: bar.update(task, completed=count))
    refused = [one for one in done if one.state == "refused"]
    common.out.print(text("cli.demo.taken", lang, month=month, packages=len(done), refused=len(refused)), markup=False)
    with Workspace.writing(folder) as store, common.progress_bar(text("cli.run.progress", lang, month=month)) as bar:
        task = bar.task_ids[0]
        closed = closing.close(
            store, month, AS_OF, WHO, lang=lang,
            progress=lambda stage: bar.update(task, description=text(f"cli.stage.{stage}", lang)),
        )  # fmt: skip
        sources = closing.parameters_of(store, [str(month)])
    show_closing(closed, folder, lang, sources)
    return closed
