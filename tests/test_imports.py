"""Do imports point one way? The rooms, who may know whom, and that strangers stay strangers."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1] / "omsclaims"

#: What each room may import, besides itself. `messages` and the foundations are open to all above them.
FOUNDATION: Final = {"messages", "money", "periods", "findings", "identifiers"}
DATA: Final = FOUNDATION | {"law", "nsi", "contract", "registers", "ledger_rows"}
STAGE: Final = DATA | {"context"}
ALLOWED: Final[dict[str, set[str]]] = {
    "messages": set(),
    "money": {"money_kernel"},
    "money_kernel": set(),
    "periods": set(),
    "identifiers": {"periods"},
    "findings": {"messages"},
    "contract": set(),
    "registers": set(),
    "ledger_rows": set(),
    "seals": set(),
    "interrupted": set(),
    "law": FOUNDATION,
    "nsi": FOUNDATION | {"contract"},
    "context": FOUNDATION | {"law", "nsi"},
    "registry": DATA,
    "checks": STAGE | {"registry"},
    "tariffs": STAGE,
    "settlement": STAGE,
    "reports": STAGE | {"registry", "checks", "tariffs", "settlement"},
    "synthetic": DATA | {"registry"},
    "workspace": DATA | {"seals", "interrupted"},
    "documents": STAGE | {"registry", "checks", "settlement", "reports", "workspace", "intake"},
    "intake": STAGE | {"registry", "checks", "workspace"},
    "month": STAGE | {"registry", "checks", "tariffs", "settlement"},
    "expertise_store": DATA | {"workspace"},
    "journal": STAGE | {"settlement", "reports", "workspace"},
    "between_store": DATA | {"settlement", "workspace"},
    "between_back": DATA | {"settlement", "workspace", "journal", "between_store"},
    "between_return": STAGE
    | {"settlement", "workspace", "journal", "bank", "between", "between_back", "between_home", "between_store"},
    "act_store": DATA | {"settlement", "workspace"},
    "act_book": STAGE
    | {
        "registry",
        "reports",
        "settlement",
        "workspace",
        "journal",
        "between_back",
        "between_store",
        "between_abroad",
        "closing",
        "act_store",
    },
    "statements": STAGE
    | {"reports", "settlement", "workspace", "journal", "between_store", "closing", "expertise_store", "act_store", "act_book"},
    "closing": STAGE
    | {"act_store", "settlement", "workspace", "journal", "between_store", "intake", "month", "documents", "expertise_store"},
    "financing": STAGE | {"settlement", "reports", "workspace", "journal", "closing"},
    "bank": STAGE | {"registry", "settlement", "workspace", "journal", "between_back"},
    "verify": STAGE
    | {
        "reports",
        "settlement",
        "workspace",
        "journal",
        "bank",
        "between_back",
        "between_store",
        "act_book",
        "act_store",
        "closing",
        "ledger_rows",
        "seals",
    },
    "backup": {"workspace"},
    "between": STAGE
    | {
        "registry",
        "settlement",
        "reports",
        "workspace",
        "journal",
        "between_back",
        "between_store",
        "intake",
        "closing",
        "expertise_store",
    },
    "between_home": STAGE
    | {
        "registry",
        "settlement",
        "reports",
        "workspace",
        "journal",
        "bank",
        "between",
        "between_back",
        "between_store",
        "intake",
        "closing",
    },
    "between_abroad": STAGE
    | {"settlement", "workspace", "journal", "bank", "between", "between_home", "between_store", "intake", "closing"},
    "insurer": STAGE | {"settlement", "reports", "workspace", "journal", "closing", "month"},
    "expertise": STAGE | {"registry", "settlement", "reports", "workspace", "intake", "closing", "expertise_store"},
    "expertise_chain": DATA | {"workspace", "registry", "settlement", "expertise_store"},
    "explain_expertise": STAGE | {"checks", "workspace", "expertise_store", "expertise_chain"},
    "explain": STAGE | {"tariffs", "workspace", "explain_expertise"},
    "whatif": STAGE | {"tariffs", "workspace", "closing"},
    "truth": DATA | {"workspace", "intake"},
    "cli": STAGE
    | {
        "interrupted",
        "verify",
        "backup",
        "registry",
        "checks",
        "reports",
        "workspace",
        "journal",
        "intake",
        "month",
        "tariffs",
        "settlement",
        "closing",
        "documents",
        "explain",
        "whatif",
        "truth",
        "synthetic",
        "expertise",
        "expertise_store",
        "expertise_chain",
        "explain_expertise",
        "between",
        "between_back",
        "between_return",
        "between_store",
        "between_home",
        "between_abroad",
        "act_store",
        "act_book",
        "statements",
        "bank",
        "financing",
        "insurer",
    },
}


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms of the project that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module] if node.module != "omsclaims" else [f"omsclaims.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError(f"{path}: relative imports hide the direction")
        for name in names:
            parts = name.split(".")
            if parts[0] == "omsclaims" and len(parts) > 1 and not parts[1].startswith("__"):
                found.add(parts[1])
    return found


def test_every_room_has_its_place() -> None:
    rooms = {room_of(path) for path in modules()} - {"__init__"}
    assert rooms == set(ALLOWED), "a room without a line in ALLOWED, or a line without a room"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    beyond = imported_rooms(path) - ALLOWED[room] - {room}
    assert not beyond, f"{room} must not know {sorted(beyond)}"


def test_the_strangers_are_strangers() -> None:
    """registry and checks, tariffs, settlement meet only through tables (design: Rooms)."""
    groups = ({"registry", "checks"}, {"tariffs"}, {"settlement"})
    for group in groups:
        others = set().union(*(other for other in groups if other is not group))
        for room in group:
            assert not ALLOWED[room] & others, room


def test_nothing_imports_the_command_line() -> None:
    for room, allowed in ALLOWED.items():
        assert "cli" not in allowed or room == "cli"


@pytest.mark.parametrize("room", ["tariffs", "settlement", "checks", "law"])
def test_no_circle_within_a_room(room: str) -> None:
    """Modules of a room can be read one after another: none needs, for types either, what needs it."""
    names = {path: ".".join(("omsclaims", *path.relative_to(ROOT).with_suffix("").parts)) for path in (ROOT / room).rglob("*.py")}
    known = set(names.values())
    needs: dict[str, set[str]] = {}
    for path, name in names.items():
        nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)]
        found = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names} | {str(node.module) for node in nodes}
        needs[name] = found & known
    TopologicalSorter(needs).prepare()
