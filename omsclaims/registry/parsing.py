"""What does one registry file say? XML bytes -> canonical tables and findings, the fastest way that is sure (formats.md 1-12).

Two readers give the same tables and findings for the same bytes: `fast` scans a strict subset of XML with compiled code and hands
what it does not accept to libxml2, record by record; `strict` sends the whole file through libxml2. A file that `fast` does not
accept as a whole, and a small one before the compiled code is loaded, is read by `strict`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, overload

from omsclaims import findings
from omsclaims.findings import Finding
from omsclaims.registry import compiling, measure, names, positions, source, strict
from omsclaims.registry.formats import Family, Overlays, find_format
from omsclaims.registry.limits import Limits
from omsclaims.registry.result import REFUSES_PACKAGE, Target, XmlRead

__all__ = ["REFUSES_PACKAGE", "XmlRead", "read_xml"]

Way = Literal["auto", "fast", "strict"]

#: From this size on the scanner is worth the time of loading it (some tenths of a second) in a process that has not used it.
COLD_BYTES: Final = 12 << 20
#: And from this size on in a process that has it loaded.
WARM_BYTES: Final = 64 << 10


@overload
def read_xml(
    data: bytes | Path, file_stem: str, package: str, period: str | None = None, kind: str | None = None, *,
    path: Literal["auto", "strict"] = "auto", chunk_bytes: int | None = None, threads: int = 1, limits: Limits | None = None,
    overlays: Overlays | None = None,
) -> XmlRead: ...  # fmt: skip
@overload
def read_xml(
    data: bytes | Path, file_stem: str, package: str, period: str | None = None, kind: str | None = None, *,
    path: Way, chunk_bytes: int | None = None, threads: int = 1, limits: Limits | None = None,
    overlays: Overlays | None = None,
) -> XmlRead | None: ...  # fmt: skip
def read_xml(
    data: bytes | Path, file_stem: str, package: str, period: str | None = None, kind: str | None = None, *,
    path: Way = "auto", chunk_bytes: int | None = None, threads: int = 1, limits: Limits | None = None,
    overlays: Overlays | None = None,
) -> XmlRead | None:  # fmt: skip
    """Read one XML file: main file of kind H T C X (also as answer), R, D, A, file of persons L, protocol FLK_P.

    `file_stem` is the file's name without extension, `package` the main file's; `kind` and `period` (YYYY-MM) override what the
    name and the header say. `path`: "strict" and "fast" choose the reader; fast alone gives None for a file it does not accept.
    `overlays`: what a region adds to the editions (formats.load_overlays).
    Findings: S.805-S.809, S.815, S.901-S.911, S.914, S.915-S.917 with positions; level person for L.
    """
    bounds = limits or Limits()
    content = data if isinstance(data, bytes) else measure.bytes_of(data, bounds)
    if path == "fast" or (path == "auto" and len(content) >= _worth_it() and not measure.suspicious(content)):
        from omsclaims.registry import fast

        found = fast.read(
            content, lambda head: target_of(head, file_stem, package, period, kind, overlays), bounds, chunk_bytes, threads
        )
        if found is not None or path == "fast":
            return found
    refusal, head = source.inspect(content)
    if refusal is None:
        refusal = measure.refusal(content, bounds)
    if refusal is None:
        target = target_of(head, file_stem, package, period, kind, overlays)
        if isinstance(target, Target):
            return strict.read(content, target, bounds)
        refusal = target
    rule, params, line = refusal
    wrong = Finding(rule, code="1.4.1", package=package, file=file_stem, line=line, params=params)
    family: Family = "person" if names.parse_name(file_stem) is None and file_stem[:1] == "L" else "main"
    return XmlRead(None, positions.empty_tables(family), findings.frame([wrong]), exact=False)


def _worth_it() -> int:
    """The size from which the scanner is the faster way."""
    return WARM_BYTES if compiling.is_warm() else COLD_BYTES


def target_of(
    head: source.Head, file_stem: str, package: str, period: str | None, kind: str | None, overlays: Overlays | None = None
) -> Target | source.Refusal:
    """The edition to read the file by; S.808 when its root is another."""
    real_kind = kind or source.kind_of(file_stem, head)
    choice = find_format(real_kind, head.version, period or head.period or source.period_of(file_stem), overlays)
    if head.root != choice.format.root:
        return "S.808", {"root": head.root, "expected": choice.format.root}, 1
    return Target(choice.format, choice.exact, file_stem, package, head)
