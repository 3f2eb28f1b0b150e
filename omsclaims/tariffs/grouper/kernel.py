"""Which rows apply to each case, and which group is chosen? The two loops over all cases (law.md 8.1; checks.md 3.1-3.2).

Stand-alone functions over arrays of numbers, compiled where the compiler is on; the same bodies run without it and give the same.
"""

from __future__ import annotations

from typing import Any, Final

from numba import njit

from omsclaims.tariffs.grouper.arrays import Encoded, RowArrays, RuleArrays

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
def _any_matches(
    codes: Any, categories: Any, first: int, last: int, pattern: int, category_first: Any, category_patterns: Any
) -> bool:
    """Whether one of the diagnoses first .. last - 1 of a case matches a pattern."""
    for at in range(first, last):
        if codes[at] == pattern:
            return True
        category = categories[at]
        for wide in range(category_first[category], category_first[category + 1]):
            if category_patterns[wide] == pattern:
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
    # Arrays are taken out of the tuples once: inside the loops that would cost more than the work.
    key, patterns = rows.key, rows.category_patterns
    pattern_has, service_has, criterion_has = rows.pattern_has, rows.service_has, rows.criterion_has
    service_first, all_services = cases.service_first, cases.service
    criterion_first, all_criteria = cases.criterion_first, cases.criterion
    exact, categories, category_first, haves = cases.exact, cases.category, rows.category_first, cases.have
    first, last, need, ds2, ds3 = rows.first, rows.last, rows.need, rows.ds2, rows.ds3
    group, number, marks = rows.group, rows.number, rows.marks
    first2, all2, category2 = cases.ds2_first, cases.ds2, cases.ds2_category
    first3, all3, category3 = cases.ds3_first, cases.ds3, cases.ds3_category
    filled = 0
    for case in range(case_from, exact.size):
        if filled + groups > out.shape[0]:  # a case has at most so many candidates as there are groups
            return case, filled
        start = filled
        wide_from, wide_to = category_first[categories[case]], category_first[categories[case] + 1]
        for of_pattern in range(-2, wide_to - wide_from):
            # -2: rows without a main diagnosis; -1: the code itself; then the ranges and letters it lies in. Numbers are made
            # 64 bits wide: without the compiler a shift of 32 bits would lose what is shifted out.
            pattern = 0
            if of_pattern == -1:
                pattern = int(exact[case])
                if pattern == 0:
                    continue
            elif of_pattern >= 0:
                pattern = int(patterns[wide_from + of_pattern])
            has = pattern_has[pattern]
            services = service_first[case + 1] if has & 1 else service_first[case]
            criteria = criterion_first[case + 1] if has & 2 else criterion_first[case]
            for of_service in range(service_first[case] - 1, services):
                service = 0 if of_service < service_first[case] else int(all_services[of_service])
                if pattern and service and not service_has[service] & 1:
                    continue
                for of_criterion in range(criterion_first[case] - 1, criteria):
                    criterion = 0 if of_criterion < criterion_first[case] else int(all_criteria[of_criterion])
                    if criterion and (
                        (service and not service_has[service] & 2) or (pattern and not criterion_has[criterion] & 1)
                    ):
                        continue
                    slot = _find(key, pattern, service, criterion)
                    if slot < 0:
                        continue
                    for row in range(first[slot], last[slot]):
                        if need[row] & ~haves[case]:
                            continue
                        if ds2[row] and not _any_matches(
                            all2, category2, first2[case], first2[case + 1], ds2[row], category_first, patterns
                        ):
                            continue
                        if ds3[row] and not _any_matches(
                            all3, category3, first3[case], first3[case + 1], ds3[row], category_first, patterns
                        ):
                            continue
                        filled = _put(out, start, filled, group[row], number[row], marks[row])
        for candidate in range(start, filled):
            out[candidate, 0] = case
    return exact.size, filled


@njit(cache=True, nogil=True)
def choose(
    first: Any,
    group: Any,
    marks: Any,
    price: Any,
    asked: Any,
    rules: RuleArrays,
    applied: Any,
    chosen: Any,
    decided: Any,
    tied: Any,
) -> None:
    """One candidate of each case.

    first    candidates of case i are first[i] .. first[i + 1] - 1, in order of their groups
    marks    per candidate the bits of the rules whose demands on the row of the workbook are met
    price    kopecks, -1: none known
    asked    per case the bits of the rules whose demands on the case are met
    applied  filled: per candidate the bits of the rules that apply to it
    chosen   filled: per case the candidate, -1: none
    decided  filled: per case one of DECIDED
    tied     filled: per case whether the price was that of another candidate, too
    """
    for case in range(first.size - 1):
        start, end = first[case], first[case + 1]
        possible, impossible, some = 0, 0, 0
        for candidate in range(start, end):
            possible |= rules.possible[group[candidate]]
            impossible |= rules.impossible[group[candidate]]
        of_case = asked[case] & (possible | ~rules.asks_possible) & ~impossible
        for candidate in range(start, end):
            applied[candidate] = of_case & rules.groups[group[candidate]] & (marks[candidate] | ~rules.asks_row)
            some |= applied[candidate]
        # The finalists: with an exception where one applies to some candidate; of those with a priority where some have one.
        exceptional = some & rules.exceptions
        prior = False
        for candidate in range(start, end):
            if exceptional == 0 or applied[candidate] & rules.exceptions:
                prior = prior or (applied[candidate] & ~rules.exceptions) != 0
        best, best_price, ties, finalists, unpriced = -1, _NO_PRICE, 0, 0, False
        for candidate in range(start, end):
            if exceptional and not applied[candidate] & rules.exceptions:
                continue
            if prior and not applied[candidate] & ~rules.exceptions:
                continue
            finalists += 1
            unpriced = unpriced or price[candidate] < 0
            if best < 0 or price[candidate] > best_price:
                best, best_price, ties = candidate, price[candidate], 1
            elif price[candidate] == best_price:
                ties += 1
        chosen[case], tied[case] = best, ties > 1
        if best < 0:
            decided[case] = NONE
        elif finalists > 1 and unpriced:
            chosen[case], decided[case], tied[case] = -1, UNPRICED, False
        elif end - start == 1:
            decided[case] = ONLY
        elif finalists > 1:
            decided[case] = CODE if ties > 1 else PRICE
        else:
            decided[case] = EXCEPTION if exceptional else PRIORITY
