"""What is left of a workspace when a command is killed (-9), and does the same command then complete it?

Each command runs as a user gives it, in a process of its own on a copy of a prepared workspace, and is killed with all its
processes after a part of its usual time. Half of the moments are drawn from the whole of it, half from the part in which it writes
(start-up takes most of a short command). Then: the workspace opens, holds all of the command or nothing of it, and says which; the
same command completes it; what it holds then is what an undisturbed run leaves; the proof finds nothing.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from omsclaims import bank, between, between_store, closing, intake, interrupted, verify
from omsclaims.cli import common, demo
from omsclaims.interrupted import Interruption
from omsclaims.periods import Month
from omsclaims.synthetic import territory
from omsclaims.workspace import DATABASE, MAKING, PUBLISHED, Workspace, read_head
from tests.bank_samples import APRIL, CLINIC, DAY, INSURER, TODAY, make_payer, write_statement
from tests.between_samples import answer

ROOT: Final = Path(__file__).resolve().parents[2]
MARCH: Final = Month(2022, 3)
CASES: Final = 200
AS_OF: Final = demo.AS_OF.isoformat()
SENT, CAME = date(2022, 5, 4), date(2022, 5, 20)
#: How long a command may take, in seconds.
_MOST: Final = 600


@dataclass(frozen=True)
class Scene:
    """A command to be killed: the workspace before it (None: there is none), and its words with the folder put in.

    weight  how many of a hundred kills it gets
    """

    name: str
    before: Path | None
    words: Callable[[Path], list[str]]
    weight: int


@dataclass
class Undisturbed:
    """What a command comes to when nobody kills it; seconds until it begins to write, and in all."""

    code: int
    before: str
    after: str
    begins: float
    seconds: float


@dataclass
class Tally:
    """What became of the kills of one command."""

    kills: int = 0
    ended: int = 0  # the command was quicker
    start: int = 0  # before its transaction began
    inside: int = 0
    committed: int = 0
    doubled: int = 0
    unsaid: int = 0  # the next opening did not say what became of it
    equal: int = 0
    proven: int = 0
    problems: list[str] = field(default_factory=list)


# ---- the workspaces ----------------------------------------------------------------------------------------------------------


def prepare(folder: Path) -> None:
    """Makes the workspaces that the commands are given in."""
    made = folder / "territory"
    territory.build(made, CASES, 3)
    base = folder / "packages"
    demo.prepare(made, base)
    for month in demo.MONTHS:
        if month != MARCH:
            _take_in(base, made, month)
            _close(base, month)
    loaded = _copy(base, folder / "month")
    _take_in(loaded, made, MARCH)
    closed = _copy(loaded, folder / "bills")
    _close(closed, MARCH)
    _answered(_copy(closed, folder / "answers"), folder / "answer")
    write_statement(folder / "statement.txt", [("1", 120, INSURER, CLINIC), ("2", 300, INSURER, CLINIC)])
    with Workspace.writing(_copy(make_payer(folder / "orders"), folder / "payments")) as ws:
        bank.order(ws, APRIL, ("advance", "final"), DAY, TODAY, "tester")


def scenes(folder: Path) -> list[Scene]:
    """The commands, in the workspaces of `prepare`."""
    made = folder / "territory"
    packages, registers, statement = made / "packages" / str(MARCH), made / "registers", folder / "statement.txt"
    day, today = (["--as-of", one, "--lang", "en"] for one in (AS_OF, TODAY.isoformat()))
    (path,) = (folder / "answer").iterdir()
    return [
        Scene("close a month", folder / "month", lambda ws: ["run", str(MARCH), "--workspace", str(ws), *day], 24),
        Scene("take packages in", folder / "packages", lambda ws: ["ingest", str(packages), "--workspace", str(ws), *day], 20),
        Scene("book a statement", folder / "payments", lambda ws: ["pay", "load", str(statement), "--workspace", str(ws), *today], 16),
        Scene("make orders", folder / "orders", lambda ws: _pay_orders(ws, today), 8),
        Scene("send bills", folder / "bills", _send, 10),
        Scene("take an answer", folder / "answers", lambda ws: _take(ws, path), 10),
        Scene("load registers", folder / "orders", lambda ws: ["register", "load", str(registers), "--workspace", str(ws), *day], 6),
        Scene("make a workspace", None, lambda ws: ["init", str(ws), "--territory", "75", *day], 6),
    ]  # fmt: skip


def _pay_orders(ws: Path, day: list[str]) -> list[str]:
    return [
        "pay",
        "orders",
        "2022-04",
        "--kind",
        "advance",
        "--kind",
        "final",
        "--day",
        "2022-04-05",
        "--workspace",
        str(ws),
        *day,
    ]


def _send(ws: Path) -> list[str]:
    out = ["--out", str(ws.with_name(f"{ws.name}-out"))]
    return ["territory", "send", str(MARCH), *out, "--workspace", str(ws), "--as-of", SENT.isoformat(), "--lang", "en"]


def _take(ws: Path, path: Path) -> list[str]:
    return ["territory", "take", str(path), "--workspace", str(ws), "--as-of", CAME.isoformat(), "--lang", "en"]


def _copy(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


def _take_in(folder: Path, made: Path, month: Month) -> None:
    with Workspace.writing(folder) as ws:
        intake.ingest(ws, common.existing_files([made / "packages" / str(month)], "en"), demo.AS_OF, "tester")


def _close(folder: Path, month: Month) -> None:
    with Workspace.writing(folder) as ws:
        closing.close(ws, month, demo.AS_OF, "tester", lang="en")


def _answered(sent: Path, folder: Path) -> None:
    """Sends the bills and makes an answer to the largest, which questions one case of it."""
    folder.mkdir()
    with Workspace.writing(sent) as ws:
        between.send(ws, MARCH, SENT, "tester")
    with Workspace.open(sent) as ws:
        row = between_store.files(ws).sort("items", "file_name", descending=[True, False]).row(0, named=True)
        data = between_store.original(ws, row)
        first = between_store.items(ws, [row["file_name"]]).row(0, named=True)
    path = folder / f"A{row['receiver']}{row['sender']}220001.oms"
    path.write_bytes(answer(data, path.stem, date(2022, 5, 19), {first["n_zap"]: (first["sump_kop"] // 3, 204)}))


# ---- running and killing -----------------------------------------------------------------------------------------------------


def _started(scene: Scene, folder: Path) -> subprocess.Popen[bytes]:
    """The command, as the entry point of the program gets it, in a group of processes of its own."""
    words = [sys.executable, "-c", "from omsclaims.cli import main; main()", *scene.words(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _writes(folder: Path) -> bool:
    """Whether a command has begun to write."""
    try:
        return "writing" in read_head(folder) or (folder / MAKING).exists()
    except (OSError, ValueError):
        return False


def _run(scene: Scene, folder: Path) -> tuple[int, float, float]:
    """Runs a command to its end: exit code, seconds until it began to write, seconds in all."""
    started = time.monotonic()
    process = _started(scene, folder)
    begins = 0.0
    while process.poll() is None and time.monotonic() - started < _MOST:
        if not begins and _writes(folder):
            begins = time.monotonic() - started
        time.sleep(0.005)
    return process.wait(1), begins, time.monotonic() - started


def undisturbed(scene: Scene, folder: Path) -> Undisturbed:
    """What the command comes to, and how long it takes."""
    before = "" if scene.before is None else _digest(scene.before)
    work = folder / "undisturbed"
    _fresh(scene, work)
    code, begins, seconds = _run(scene, work)
    after = _digest(work)
    _clear(work)
    assert code in (0, 1, 3), f"{scene.name}: exit code {code}"
    assert before != after, f"{scene.name} changes nothing"
    return Undisturbed(code, before, after, min(begins, seconds), seconds)


def _fresh(scene: Scene, work: Path) -> None:
    _clear(work)
    if scene.before is not None:
        shutil.copytree(scene.before, work)


def _clear(work: Path) -> None:
    for folder in (work, work.with_name(f"{work.name}-out")):
        shutil.rmtree(folder, ignore_errors=True)


def _digest(folder: Path) -> str:
    """What a workspace holds; of one that was just made, whose key is its own, that it is there."""
    with Workspace.open(folder) as ws:
        return "made" if ws.next_seq() == 2 else verify.logical_digest(ws)


def kill_once(scene: Scene, usual: Undisturbed, rng: random.Random, work: Path, tally: Tally) -> None:
    """Kills the command once, and looks at all that must hold then; what does not is noted in the tally."""
    earliest = usual.begins * 0.9 if rng.random() < 0.5 else 0.0
    moment = rng.uniform(earliest, usual.seconds)
    _fresh(scene, work)
    process = _started(scene, work)
    time.sleep(moment)
    ended = process.poll() is not None
    with contextlib.suppress(ProcessLookupError):  # it has ended with all its processes
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(60)
    tally.kills += 1
    tally.ended += ended
    where = f"{scene.name} at {moment:.3f} s of {usual.seconds:.3f}"
    state = _opened(scene, usual, work, tally, where)
    if not (scene.before is None and state == "after"):  # a workspace that is there is not made again
        code, _, _ = _run(scene, work)
        if code not in (0, 1, 3):
            tally.problems.append(f"{where}: the same command again ends with {code}")
    _completed(usual, work, tally, where)
    _clear(work)


def killed(folder: Path, seed: int, number: int, name: str, usual: Undisturbed) -> tuple[str, Tally]:
    """One kill, in a worker: its moment follows from the seed and its number alone."""
    scene = next(one for one in scenes(folder) if one.name == name)
    tally = Tally()
    kill_once(scene, usual, random.Random(f"{seed}/{number}"), folder / f"killed-{number}", tally)
    return name, tally


def _opened(scene: Scene, usual: Undisturbed, work: Path, tally: Tally, where: str) -> str:
    """Opens what is left: all or nothing of the command, and said which. Returns before | after."""
    head = read_head(work) if work.exists() else {}
    told: list[Interruption] = []
    interrupted.announce = told.append
    try:
        there = (work / DATABASE).exists() and (work / PUBLISHED).exists()
        state = _digest(work) if there else ""
    finally:
        interrupted.announce = None
    if state not in (usual.before, usual.after):
        tally.problems.append(f"{where}: neither all nor nothing of it is there")
    done = state == usual.after
    was_writing = "writing" in head
    tally.start += not done and not was_writing
    tally.inside += not done and was_writing
    tally.committed += done
    if was_writing and [one.complete for one in told] != [done]:
        tally.unsaid += 1
        tally.problems.append(f"{where}: it was said {told}")
    return "after" if done else "before"


def _completed(usual: Undisturbed, work: Path, tally: Tally, where: str) -> None:
    """After the same command again: what an undisturbed run leaves, once, and proven."""
    if _digest(work) == usual.after:
        tally.equal += 1
    else:
        tally.problems.append(f"{where}: the digest differs")
    with Workspace.proving(work) as ws:
        found = verify.verify(ws, quick=True).findings
        twice = ws.rows("SELECT count(*) - count(DISTINCT (month, date, document, rule, debit, credit, amount_kop)) FROM journal")
    tally.doubled += int(twice[0][0])
    if found.is_empty():
        tally.proven += 1
    else:
        tally.problems.append(f"{where}: {found.select('rule', 'value').rows()[:5]}")


def drawn(scenes_given: list[Scene], kills: int, rng: random.Random) -> list[Scene]:
    """Which command each kill hits: by weight, each at least once where there are enough, in random order."""
    total = sum(scene.weight for scene in scenes_given)
    shares = [max(1, kills * scene.weight // total) for scene in scenes_given]
    while sum(shares) < kills:
        shares[rng.randrange(len(shares))] += 1
    while sum(shares) > kills:
        shares[shares.index(max(shares))] -= 1
    found = [scene for scene, count in zip(scenes_given, shares, strict=True) for _ in range(count)]
    rng.shuffle(found)
    return found
