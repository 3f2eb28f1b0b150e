"""Which rows apply to each case, and which group is chosen? The two loops over all cases (law.md 8.1; checks.md 3.1-3.2).

Stand-alone functions over arrays of numbers, compiled where the compiler is on; the same bodies run without it and give the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from numba import njit

if TYPE_CHECKING:
    from omsclaims.tariffs.grouper.book import RowArrays, RuleArrays
    from omsclaims.tariffs.grouper.cases import Encoded

#: How a case was decided; the names are those of the table `grouped`.
DECIDED: Final = ("none", "only", "exception", "priority", "price", "code", "unpriced")
NONE, ONLY, EXCEPTION, PRIORITY, PRICE, CODE, UNPRICED = range(7)
_NO_PRICE: Final = -1


@njit(cache=True, nogil=True)
def place_of(pattern: int, service: int, criterion: int, mask: int) -> int:
    """Where the search for a key begins in a hash table of mask + 1 slots."""
    return ((pattern * 73856093) ^ (service * 19349663) ^ (criterion * 83492791)) & mask


@njit(cache=True, nogil=True)
def _find(key: Any, pattern: int, service: int, criterion: int) -> int:
    """The slot of a key, or -1."""
    mask = key.size - 1
    wanted = (pattern << 40) | (service << 20) | criterion
    slot = place_of(pattern, service, criterion, mask)
    while key[slot] >= 0:
        if key[slot] == wanted:
            return slot
        slot = (slot + 1) & mask
    return -1


@njit(cache=True, nogil=True)
def _any_matches(codes: Any, categories: Any, first: int, last: int, pattern: int, rows: RowArrays) -> bool:
    """Whether one of the diagnoses first .. last - 1 of a case matches a pattern."""
    for at in range(first, last):
        if codes[at] == pattern:
            return True
        category = categories[at]
        for wide in range(rows.category_first[category], rows.category_first[category + 1]):
            if rows.category_patterns[wide] == pattern:
                return True
    return False


@njit(cache=True, nogil=True)
def _put(out: Any, start: int, end: int, group: int, number: int, marks: int) -> int:
    """Adds a row that applies to the candidates start .. end - 1 of a case, kept in order of their groups; the new end.

    Of several rows of one group the first of the workbook is shown, and the marks of all hold.
    """
    at = end
    while at > start and out[at - 1, 1] > group:
        at -= 1
    if at > start and out[at - 1, 1] == group:
        out[at - 1, 3] |= marks
        out[at - 1, 2] = min(out[at - 1, 2], number)
        return end
    for move in range(end, at, -1):
        out[move, :] = out[move - 1, :]
    out[at, 1], out[at, 2], out[at, 3] = group, number, marks
    return end + 1


@njit(cache=True, nogil=True)
def match(case_from: int, cases: Encoded, rows: RowArrays, groups: int, out: Any) -> tuple[int, int]:
    """Candidates of the cases from `case_from` on, as far as `out` has room: (next case, rows of `out` that are filled).

    out  a row a candidate: case, group, № of the first row of the workbook, marks of all rows that applied
    """
    filled = 0
    for case in range(case_from, cases.exact.size):
        if filled + groups > out.shape[0]:  # a case has at most so many candidates as there are groups
            return case, filled
        start = filled
        have = cases.have[case]
        category = cases.category[case]
        wide_from, wide_to = rows.category_first[category], rows.category_first[category + 1]
        for of_pattern in range(-2, wide_to - wide_from):
            # -2: rows without a main diagnosis; -1: the code itself; then the ranges and letters it lies in. Numbers are made
            # 64 bits wide: without the compiler a shift of 32 bits would lose what is shifted out.
            pattern = 0
            if of_pattern == -1:
                pattern = int(cases.exact[case])
                if pattern == 0:
                    continue
            elif of_pattern >= 0:
                pattern = int(rows.category_patterns[wide_from + of_pattern])
            has = rows.pattern_has[pattern]
            services = cases.service_first[case + 1] if has & 1 else cases.service_first[case]
            criteria = cases.criterion_first[case + 1] if has & 2 else cases.criterion_first[case]
            for of_service in range(cases.service_first[case] - 1, services):
                service = 0 if of_service < cases.service_first[case] else int(cases.service[of_service])
                for of_criterion in range(cases.criterion_first[case] - 1, criteria):
                    criterion = 0 if of_criterion < cases.criterion_first[case] else int(cases.criterion[of_criterion])
                    slot = _find(rows.key, pattern, service, criterion)
                    if slot < 0:
                        continue
                    for row in range(rows.first[slot], rows.last[slot]):
                        if rows.need[row] & ~have:
                            continue
                        if rows.ds2[row] and not _any_matches(
                            cases.ds2, cases.ds2_category, cases.ds2_first[case], cases.ds2_first[case + 1], rows.ds2[row], rows
                        ):
                            continue
                        if rows.ds3[row] and not _any_matches(
                            cases.ds3, cases.ds3_category, cases.ds3_first[case], cases.ds3_first[case + 1], rows.ds3[row], rows
                        ):
                            continue
                        filled = _put(out, start, filled, rows.group[row], rows.number[row], rows.marks[row])
        for candidate in range(start, filled):
            out[candidate, 0] = case
    return cases.exact.size, filled


@njit(cache=True, nogil=True)
def _applies(rule: int, candidate: int, first: int, last: int, group: Any, marks: Any, rules: RuleArrays) -> bool:
    """Whether what a rule asks of groups and rows holds for a candidate among the candidates first .. last - 1 of its case."""
    if not rules.groups[rule, group[candidate]] or rules.mark[rule] & ~marks[candidate]:
        return False
    possible = not rules.asks_possible[rule]
    for other in range(first, last):
        if rules.impossible[rule, group[other]]:
            return False
        possible = possible or rules.possible[rule, group[other]]
    return possible


@njit(cache=True, nogil=True)
def choose(
    first: Any, group: Any, marks: Any, price: Any, asked: Any, flags: Any, rules: RuleArrays, applied: Any, chosen: Any,
    decided: Any, tied: Any,
) -> None:  # fmt: skip
    """One candidate of each case.

    first    candidates of case i are first[i] .. first[i + 1] - 1, in order of their groups
    price    kopecks, -1: none known
    asked    per rule the column of `flags` that says for which cases it holds, -1: for all
    applied  filled: per candidate the bits of the rules that apply to it
    chosen   filled: per case the candidate, -1: none
    decided  filled: per case one of DECIDED
    tied     filled: per case whether the price was that of another candidate, too
    """
    for case in range(first.size - 1):
        start, end = first[case], first[case + 1]
        best_level = 0  # 2 an exception applies, 1 a priority, 0 neither
        with_exception = False
        for candidate in range(start, end):
            for rule in range(rules.mark.size):
                if asked[rule] >= 0 and not flags[case, asked[rule]]:
                    continue
                if _applies(rule, candidate, start, end, group, marks, rules):
                    applied[candidate] |= 1 << rule
                    with_exception = with_exception or rules.exception[rule]
        best, best_price, ties, finalists, unpriced = -1, _NO_PRICE, 0, 0, False
        prior_exists = False
        for candidate in range(start, end):
            exceptional, prior = False, False
            for rule in range(rules.mark.size):
                if applied[candidate] >> rule & 1:
                    exceptional = exceptional or rules.exception[rule]
                    prior = prior or not rules.exception[rule]
            if with_exception and not exceptional:
                continue
            if prior and not prior_exists:
                prior_exists = True
                best, best_price, ties, finalists, unpriced = -1, _NO_PRICE, 0, 0, False
            if prior_exists and not prior:
                continue
            finalists += 1
            unpriced = unpriced or price[candidate] < 0
            if best < 0 or price[candidate] > best_price:
                best, best_price, ties = candidate, price[candidate], 1
            elif price[candidate] == best_price:
                ties += 1
        best_level = 2 if with_exception else 1 if prior_exists else 0
        chosen[case] = best
        tied[case] = finalists > 1 and ties > 1
        if best < 0:
            decided[case] = NONE
        elif finalists > 1 and unpriced:
            chosen[case], decided[case], tied[case] = -1, UNPRICED, False
        elif end - start == 1:
            decided[case] = ONLY
        elif finalists > 1:
            decided[case] = CODE if ties > 1 else PRICE
        else:
            decided[case] = EXCEPTION if best_level == 2 else PRIORITY
