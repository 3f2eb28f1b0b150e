"""Does a folder hold a usable tariff agreement? All problems at once, each with file and line (Rules 158n chapter XI)."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml
from pydantic import BaseModel, ValidationError

from omsclaims.law.agreement.checks import notes_of
from omsclaims.law.agreement.model import (
    Agreement,
    AgreementError,
    Control,
    Financing,
    Head,
    Norms,
    Problem,
    RuleParameter,
    RuleSwitch,
    Volumes,
)
from omsclaims.law.agreement.percapita import per_capita_problems
from omsclaims.law.agreement.rows import (
    ANY,
    FILES,
    MAIN_FILE,
    SECTIONS,
    SETTINGS,
    BaseRate,
    PaymentKind,
    PlanLine,
    Read,
    Rounding,
    Row,
    TableSpec,
    decimals_of,
    frame_schema,
)

#: What is wrong with a rule, and with a parameter of it where one is named: a code of `agreement.*`, "" for nothing.
RuleProblem = Callable[[str, str | None, object], str]


def load_agreement(folder: Path | str, rule_problem: RuleProblem | None = None) -> Agreement:
    """The agreement of a folder (layout: module and row models above; a row model's fields are the columns of its CSV).

    rule_problem  what is wrong with a rule of control (`checks.rule_problem`): where given, switches and parameters are asked

    Raises AgreementError with all problems: missing or unknown columns and values, too many decimals, two rows for one key at
    one time, rows outside the validity, files that a kind of payment needs.
    """
    root = Path(folder)
    problems: list[Problem] = []
    digest = hashlib.sha256()
    head, sections = _read_main(root, problems, digest.update)
    rows: dict[str, list[Read]] = {name: sections.get(name, []) for name in SECTIONS}
    for name, spec in FILES.items():
        rows[name] = _read_csv(root, name, spec, problems, digest.update)
    for path in sorted(root.glob("*.csv")) if root.is_dir() else ():
        if path.stem not in FILES:
            problems.append(Problem(path.name, 1, "", "unknown_file"))
    if head is None:
        raise AgreementError(root.name, problems)
    problems.extend(_needed(root, head, rows))
    problems.extend(_wrong_switches(head, rule_problem))
    rows = {name: expanded(_spec(name), found) for name, found in rows.items()}
    rows = {name: _dated(head, found, problems) for name, found in rows.items()}
    for name, found in rows.items():
        problems.extend(contradictions(_spec(name), found))
    problems.extend(plan_line_problems(rows["plan_lines"]))
    problems.extend(per_capita_problems(root, head, rows))
    if problems:
        raise AgreementError(root.name, problems)
    tables = {name: frame_of(_spec(name), found, head) for name, found in rows.items()}
    return Agreement(head, tables, tuple(notes_of(tables)), digest.hexdigest())


@lru_cache(maxsize=16)
def kept_agreement(folder: Path, digest: str) -> Agreement:
    """The agreement of a folder that nobody changes, read once in a run. digest: by which the keeper of the folder knows it.

    Raises AgreementError as `load_agreement`.
    """
    del digest  # another content is another agreement
    return load_agreement(folder)


def _spec(name: str) -> TableSpec:
    return SECTIONS[name] if name in SECTIONS else FILES[name]


def read_text(path: Path, problems: list[Problem], feed: Callable[[bytes], object]) -> str | None:
    """Text of a file, its bytes fed to the digest (line ends made equal); None with a problem when it cannot be read."""
    if not path.is_file():
        return None
    content = path.read_bytes().replace(b"\r\n", b"\n")
    feed(path.name.encode() + b"\0" + content + b"\0")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.append(Problem(path.name, content[: error.start].count(b"\n") + 1, "", "not_utf8"))
        return None


_EMPTY: Final = ("", "null", "~")


def _known_keys() -> frozenset[str]:
    """Every key that agreement.yaml may have anywhere."""
    models: list[type[BaseModel]] = [
        Head,
        Financing,
        Norms,
        Control,
        Volumes,
        RuleSwitch,
        RuleParameter,
        *(spec.row for spec in SECTIONS.values()),
    ]
    return frozenset(name for model in models for name in model.model_fields) | frozenset(SECTIONS)


def plain_yaml(text: str, file: str, lines: dict[tuple[str | int, ...], int], problems: list[Problem]) -> Any:
    """A YAML text as dict, list or text with the line of each path; empty values are kept as None. Raises yaml.YAMLError.

    Numbers stay text: a rate must not become a float. Aliases are a problem: one may stand inside itself.
    """
    if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
        problems.append(Problem(file, 1, "", "not_yaml"))
        return None
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return None if node is None else _plain(node, (), lines, problems, file)


def _plain(
    node: yaml.Node,
    path: tuple[str | int, ...],
    lines: dict[tuple[str | int, ...], int],
    problems: list[Problem],
    file: str = MAIN_FILE,
) -> Any:
    """A YAML node as dict, list or text; empty values are left out of agreement.yaml, and known keys only may be empty there."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in seen:
                problems.append(Problem(file, key_node.start_mark.line + 1, key, "key_twice"))
            seen.add(key)
            value = _plain(value_node, (*path, key), lines, problems, file)
            lines[*path, key] = key_node.start_mark.line + 1
            if value is not None or file != MAIN_FILE:
                found[key] = value
            elif key not in _known_keys():  # `rate: 13915,7` in braces is a rate and an empty key 7
                problems.append(Problem(MAIN_FILE, key_node.start_mark.line + 1, key, "unknown_key"))
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), lines, problems, file) for i, item in enumerate(node.value)]
    text = str(node.value)
    quoted = getattr(node, "style", None) in ("'", '"')
    return None if not quoted and text in _EMPTY else text


def _read_main(root: Path, problems: list[Problem], feed: Callable[[bytes], object]) -> tuple[Head | None, dict[str, list[Read]]]:
    """agreement.yaml: its head (None when it is not usable) and the rows of its lists."""
    text = read_text(root / MAIN_FILE, problems, feed)
    if text is None:
        problems.append(Problem(MAIN_FILE, 1, "", "no_main_file"))
        return None, {}
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        # An alias may stand inside itself; a table of figures needs none.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            problems.append(Problem(MAIN_FILE, 1, "", "not_yaml"))
            return None, {}
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.append(Problem(MAIN_FILE, mark.line + 1 if mark else 1, "", "not_yaml"))
        return None, {}
    raw = _plain(node, (), lines, problems) if node is not None else {}
    if not isinstance(raw, dict):
        problems.append(Problem(MAIN_FILE, 1, "", "not_yaml"))
        return None, {}
    sections = _sections(raw, lines, problems)
    _place_switches(raw, lines)
    try:
        head = Head.model_validate({key: value for key, value in raw.items() if key not in SECTIONS})
    except ValidationError as error:
        for item in error.errors():
            place = _closest(tuple(item["loc"]), lines)
            problems.append(problem_of(MAIN_FILE, place, ".".join(map(str, item["loc"])), item))
        return None, sections
    if head.valid_from > head.valid_to or not head.valid_from.year <= head.year <= head.valid_to.year:
        problems.append(Problem(MAIN_FILE, lines[("valid_from",)], "valid_from", "validity"))
    return head, sections


def _sections(raw: dict[str, Any], lines: dict[tuple[str | int, ...], int], problems: list[Problem]) -> dict[str, list[Read]]:
    """Rows of the lists of agreement.yaml."""
    sections: dict[str, list[Read]] = {}
    for name, spec in SECTIONS.items():
        listed = raw.get(name, [])
        if not isinstance(listed, list):
            problems.append(Problem(MAIN_FILE, lines[(name,)], name, "not_a_list"))
            continue
        read = (checked_row(spec, MAIN_FILE, lines[(name, i)], item, problems) for i, item in enumerate(listed))
        sections[name] = [row for row in read if row is not None]
    return sections


def _place_switches(raw: dict[str, Any], lines: Mapping[tuple[str | int, ...], int]) -> None:
    """Notes file and line in each switch of control, as the rows of lists have them."""
    control = raw.get("control")
    for name in ("disabled_rules", "enabled_rules", "rule_parameters"):
        listed = control.get(name) if isinstance(control, dict) else None
        for i, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, dict):
                item["source"] = f"{MAIN_FILE}:{lines['control', name, i]}"


def _closest(path: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int]) -> int:
    """Line of the nearest known ancestor of a path."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def checked_row(spec: TableSpec, file: str, line: int, cells: object, problems: list[Problem]) -> Read | None:
    """A checked row; None with its problems noted."""
    try:
        return Read(file, line, spec.row.model_validate(cells))
    except ValidationError as error:
        for item in error.errors():
            problems.append(problem_of(file, line, ".".join(str(part) for part in item["loc"]), item))
        return None


_PYDANTIC: Final = {"missing": "missing", "extra_forbidden": "unknown_key", "literal_error": "not_in_list"}


def problem_of(file: str, line: int, column: str, item: Any) -> Problem:
    """A Problem from an error of pydantic."""
    kind = str(item["type"])
    context = item.get("ctx") or {}
    params = {"value": "" if kind == "missing" else str(item["input"])}
    if "expected" in context:
        params["allowed"] = str(context["expected"]).replace(" or ", ", ")
    elif "allowed" in context:
        params["allowed"] = str(context["allowed"])
    own = (
        "not_a_number",
        "too_many_decimals",
        "too_large",
        "not_a_whole_number",
        "not_a_date",
        "not_a_flag",
        "not_a_code",
        "not_a_clinic",
        "not_a_band",
    )
    code = kind if kind in own else _PYDANTIC.get(kind, "bad_value")
    return Problem(file, line, column, code, tuple(sorted(params.items())))


def _read_csv(root: Path, name: str, spec: TableSpec, problems: list[Problem], feed: Callable[[bytes], object]) -> list[Read]:
    """Rows of one CSV: first line the columns, `#` begins a remark; [] when there is no such file."""
    file = f"{name}.csv"
    text = read_text(root / file, problems, feed)
    if text is None:
        return []
    reader = csv.reader(text.split("\n"))
    columns: list[str] | None = None
    found = []
    for cells in _lines(reader, file, problems):
        if not cells or not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
            continue
        if columns is None:
            columns = [cell.strip() for cell in cells]
            lacking, unknown = _columns_off(spec, columns)
            problems.extend(Problem(file, reader.line_num, column, "no_column") for column in lacking)
            problems.extend(Problem(file, reader.line_num, column, "unknown_key") for column in unknown)
            if lacking or unknown or len(set(columns)) < len(columns):
                return []
            continue
        if len(cells) != len(columns):
            params = (("found", str(len(cells))), ("wanted", str(len(columns))))
            problems.append(Problem(file, reader.line_num, "", "cells", params))
            continue
        filled = {column: cell.strip() for column, cell in zip(columns, cells, strict=True) if cell.strip()}
        row = checked_row(spec, file, reader.line_num, filled, problems)
        if row is not None:
            found.append(row)
    if columns is None:
        problems.append(Problem(file, 1, "", "empty_file"))
    return found


def _lines(reader: Any, file: str, problems: list[Problem]) -> Iterable[list[str]]:
    """Lines of a CSV; where it cannot be read on, a problem."""
    try:
        yield from reader
    except csv.Error:
        problems.append(Problem(file, reader.line_num, "", "not_csv"))


def _columns_off(spec: TableSpec, columns: list[str]) -> tuple[list[str], list[str]]:
    """Columns that a header lacks, and those it should not have (or has twice)."""
    fields = spec.row.model_fields
    lacking = [name for name, about in fields.items() if about.is_required() and name not in columns]
    unknown = [name for i, name in enumerate(columns) if name not in fields or name in columns[:i]]
    return lacking, unknown


def _needed(root: Path, head: Head, rows: Mapping[str, list[Read]]) -> list[Problem]:
    """What the kinds of payment of the agreement need and do not have: a file, a base rate, a rounding."""
    kinds = {read.row.kind for read in rows["payment_kinds"] if isinstance(read.row, PaymentKind)}
    problems = [] if kinds else [Problem(MAIN_FILE, 1, "payment_kinds", "missing")]
    for name, spec in FILES.items():
        if not (root / f"{name}.csv").is_file():
            users = sorted(kinds.intersection(spec.needed))
            if users:
                problems.append(Problem(f"{name}.csv", 1, "", "no_file", (("kinds", ", ".join(users)),)))
    if head.financing is not None:
        if not (root / "financing.csv").is_file():
            problems.append(Problem("financing.csv", 1, "", "no_file", (("kinds", "financing"),)))
        if not rows["case_management"]:
            problems.append(Problem(MAIN_FILE, 1, "case_management", "missing"))
    rated = {read.row.setting for read in rows["base_rates"] if isinstance(read.row, BaseRate)}
    for setting in sorted(kinds.intersection(SETTINGS) - rated):
        problems.append(Problem(MAIN_FILE, 1, f"base_rates.{setting}", "missing"))
    rounded = {str(read.row.kind) for read in rows["rounding"] if isinstance(read.row, Rounding)}
    for kind in sorted(set(map(str, kinds)) - rounded if ANY not in rounded else ()):
        problems.append(Problem(MAIN_FILE, 1, f"rounding.{kind}", "missing"))
    return problems


def _wrong_switches(head: Head, rule_problem: RuleProblem | None) -> list[Problem]:
    """Switches of control that name no rule, end before they begin, or stand twice; parameters that no rule has."""
    problems = _wrong_parameters(head, rule_problem)
    seen: dict[tuple[bool, RuleSwitch], int] = {}
    for wanted, listed in ((False, head.control.disabled_rules), (True, head.control.enabled_rules)):
        for switch in listed:
            line = int(switch.source.rpartition(":")[2])
            code = "" if rule_problem is None else rule_problem(switch.rule, None, None)
            if code:
                problems.append(Problem(MAIN_FILE, line, "rule", code, (("value", switch.rule),)))
            if switch.since is not None and switch.until is not None and switch.since > switch.until:
                problems.append(Problem(MAIN_FILE, line, "since", "range"))
            other = seen.setdefault((wanted, switch.model_copy(update={"source": "", "why": ""})), line)
            if other != line:
                params = (("row", switch.rule), ("other", str(other)))
                problems.append(Problem(MAIN_FILE, line, "rule", "two_rows", params))
    return problems


def expanded(spec: TableSpec, found: list[Read]) -> list[Read]:
    """Rows with a word for all values, once for each of the values."""
    for column, (word, values) in spec.expand.items():
        wider: list[Read] = []
        for read in found:
            all_values = values if getattr(read.row, column) == word else (getattr(read.row, column),)
            wider.extend(Read(read.file, read.line, read.row.model_copy(update={column: value})) for value in all_values)
        found = wider
    return found


def _dated(head: Head, found: list[Read], problems: list[Problem]) -> list[Read]:
    """Rows with their validity filled from the agreement; a validity that leaves the agreement's is a problem."""
    dated = []
    for read in found:
        begin = read.row.valid_from or head.valid_from
        end = read.row.valid_to or head.valid_to
        if begin > end or begin < head.valid_from or end > head.valid_to:
            problems.append(Problem(read.file, read.line, "valid_from", "validity"))
        dated.append(Read(read.file, read.line, read.row.model_copy(update={"valid_from": begin, "valid_to": end})))
    return dated


def contradictions(spec: TableSpec, found: list[Read]) -> list[Problem]:
    """Pairs of rows that say two things of one key at one time, and ranges that end before they begin."""
    problems = []
    by_key: dict[tuple[object, ...], list[Read]] = defaultdict(list)
    ranges = (*spec.ranges, ("valid_from", "valid_to"))
    for read in found:
        for low, high in spec.ranges:
            upper = getattr(read.row, high)
            if upper is not None and getattr(read.row, low) > upper:
                problems.append(Problem(read.file, read.line, low, "range"))
        by_key[tuple(getattr(read.row, column) for column in spec.keys)].append(read)
    for key, group in by_key.items():
        for i, later in enumerate(group):
            for earlier in group[:i]:
                if all(_overlap(earlier.row, later.row, low, high) for low, high in ranges):
                    params = (("row", ", ".join(str(part) for part in key)), ("other", str(earlier.line)))
                    problems.append(Problem(later.file, later.line, ", ".join(spec.keys), "two_rows", params))
    return sorted(set(problems))


def _wrong_parameters(head: Head, rule_problem: RuleProblem | None) -> list[Problem]:
    """Parameters of rules that no rule has, that do not have the form of the catalogue, or that stand twice for one date."""
    problems = []
    seen: dict[tuple[str, str, date], int] = {}
    for given in head.control.rule_parameters:
        line = int(given.source.rpartition(":")[2])
        code = "" if rule_problem is None else rule_problem(given.rule, given.name, given.value)
        if code:
            said = given.rule if code == "unknown_rule" else given.name if code == "unknown_parameter" else str(given.value)
            problems.append(Problem(MAIN_FILE, line, given.name, code, (("rule", given.rule), ("value", said))))
        other = seen.setdefault((given.rule, given.name, given.since), line)
        if other != line:
            params = (("row", f"{given.rule} {given.name}"), ("other", str(other)))
            problems.append(Problem(MAIN_FILE, line, "name", "two_rows", params))
    return problems


def plan_line_problems(found: list[Read]) -> list[Problem]:
    """Lines of the plan that contradict themselves (one line, two names, units or substitutes), or whose substitute is no line or
    leads back to them."""
    first: dict[str, PlanLine] = {}
    problems = []
    for read in found:
        row = read.row
        assert isinstance(row, PlanLine)
        said = first.setdefault(row.line, row)
        if (row.name, row.unit, row.otherwise) != (said.name, said.unit, said.otherwise):
            problems.append(Problem(read.file, read.line, "line", "plan_line_differs", (("value", row.line),)))
    for read in found:
        row = read.row
        assert isinstance(row, PlanLine)
        seen, line = [row.line], row.otherwise
        while line is not None and line in first and line not in seen:
            seen.append(line)
            line = first[line].otherwise
        if line is not None:
            code = "plan_line_circle" if line in seen else "plan_line_unknown"
            problems.append(Problem(read.file, read.line, "otherwise", code, (("value", line),)))
    return sorted(set(problems))


def _overlap(one: Row, two: Row, low: str, high: str) -> bool:
    """Whether the ranges low-high of two rows have a value in common; an empty upper end is open."""
    starts = getattr(one, low), getattr(two, low)
    ends = getattr(one, high), getattr(two, high)
    return (ends[0] is None or starts[1] <= ends[0]) and (ends[1] is None or starts[0] <= ends[1])


def frame_of(spec: TableSpec, found: list[Read], head: Head) -> pl.DataFrame:
    """The frame of a table, sorted by key and validity, so that the order of the lines does not matter."""
    schema = frame_schema(spec.row)
    columns: dict[str, list[object]] = {name: [] for name in schema}
    for read in found:
        for name in spec.row.model_fields:
            decimals = decimals_of(spec.row, name)
            columns[name if decimals is None else f"{name}{decimals}"].append(getattr(read.row, name))
        columns["source"].append(read.source)
    frame = pl.DataFrame(columns, schema=schema).with_columns(pl.col("reference").fill_null(head.reference))
    if "wage_share5" in frame.columns:
        frame = frame.with_columns(pl.col("wage_share5").fill_null(head.wage_share_default))
    order = [*spec.keys, *(low for low, _ in spec.ranges), "valid_from"]
    return frame.sort(order, maintain_order=True)
