"""Does a check of one file wait for what it does not need? A cold command must not import the compiler, the database, the reports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What takes long to import and has no part in checking a small package.
NOT_NEEDED = ("numba", "llvmlite", "duckdb", "pyarrow", "xlsxwriter", "jinja2", "matplotlib", "openpyxl", "omsclaims.synthetic")

SCRIPT = f"""
import sys
from omsclaims.cli import main
try:
    main(["check", sys.argv[1], "--json"])
except SystemExit as stop:
    assert stop.code in (0, 1), stop.code
print(*[name for name in {NOT_NEEDED!r} if name in sys.modules], file=sys.stderr)
"""


def test_a_check_of_one_small_package_imports_neither_compiler_nor_database() -> None:
    package = ROOT / "fixtures" / "packages" / "HM750903T75_220301.zip"
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(package)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout, "the fixture has findings"
    assert done.stderr.split() == []
