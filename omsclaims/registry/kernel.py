"""How do bytes become columns at the speed of memory? The scanner of one chunk of records, compiled by numba.

It accepts a strict subset of XML and is the guarantee that what it accepts is well formed: tags without attributes, text with
the five entities, nothing else. A record with anything more is given back untouched (`SLOW`) and read by lxml. It decides no
value of doubt either: what is not a plain number, date or text of its format is written down (`deferred`) and judged by the one
grammar of values that the strict reader uses.

All tables are arguments: the code is compiled once for all editions. `program.py` says what the arrays hold. The scanner frees
the interpreter lock, so that several chunks can be read side by side. This file is one on purpose: numba keeps compiled code by
the date of the file that holds it.
"""

from __future__ import annotations

import os
from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import config, njit, types
from numba.extending import intrinsic

#: Without instructions that work on 32 bytes at once: for other machines, for bounds checking, and without the compiler.
PORTABLE: Final = os.environ.get("OMSCLAIMS_KERNEL") == "portable" or any(
    getattr(config, name) for name in ("DISABLE_JIT", "BOUNDSCHECK")
)
#: Code of another making must not be kept under the same name.
_CACHE: Final = not PORTABLE

#: Unsigned numbers. As an index they cost less than signed ones, which may count from the end: hence U(...) all over.
U: Final = np.uint64

#: Bytes that must lie behind the end of a chunk: vectors are read past it, the first of them is `<`.
PADDING: Final = 128

# How a scan ended.
DONE: Final = 0  # everything up to the end was taken
SLOW: Final = 1  # the record at the place given is not of the subset (or not complete)
OTHER: Final = 2  # between records stands something that is no record
FULL: Final = 3  # an output buffer is full: nothing of the record at the place given was kept

# Places in `control`: what goes in and out of a scan besides arrays.
SIDE_USED: Final = 0  # bytes used in `side`
RAW_USED: Final = 1  # bytes used in `raw`
DEFERRED: Final = 2  # values written down for the grammar
PROBLEMS: Final = 3  # problems of structure
LINES: Final = 4  # line feeds passed
OFFSET: Final = 5  # of buf[0] in the file
MAX_TEXT: Final = 6  # longer texts are not accepted
FULL_TABLE: Final = 7  # which table was full; -1: another buffer
WINDOWS: Final = 8  # 1: windows-1251, 0: UTF-8
CLEAN: Final = 9  # 1: rewritten by the slow path: no judgement of structure, carriage returns are text
RECORD: Final = 10  # entry of the record
CONTROL_SIZE: Final = 11

# `entries`: one word per element of the edition. Its parts are cut out with masks, which tells the compiler that no index is
# negative: each look into an array then is one instruction less.
#   length of the tag (4 bits) | place among its siblings (7) | may repeat (1) | is a structure (1) | field or state (16)
E_LENGTH: Final = 0xF
E_ORDER: Final = 4
E_ORDER_MASK: Final = 0x7F
E_REPEATS: Final = 1 << 11
E_STRUCTURE: Final = 1 << 12
E_TARGET: Final = 13
E_TARGET_MASK: Final = 0xFFFF

# Columns of `states` (one per structure).
S_FIRST: Final = 0  # first child entry
S_COUNT: Final = 1
S_PARENT: Final = 2
S_ENTRY: Final = 3  # its own entry
S_TABLE: Final = 4  # that its leaves go to
S_OWN: Final = 5  # 1: each instance is a row of S_TABLE
S_OWNER: Final = 6  # table that the rows hang on
S_TWIN: Final = 7  # second table of one row per instance, or -1
S_WIDTH: Final = 8

# `fields`: one word per leaf.
#   table (8 bits) | type (2) | repeats: each is a row of its table (1) | every value is judged by the grammar (1) |
#   table that such rows hang on (8) | digits before the point (5) | decimals (4) | decimals of the column (4) |
#   characters of a text (16)
F_TABLE_MASK: Final = 0xFF
F_TYPE: Final = 8
F_TYPE_MASK: Final = 3
F_LIST: Final = 1 << 10
F_DEFER: Final = 1 << 11
F_OWNER: Final = 12
F_OWNER_MASK: Final = 0xFF
F_WHOLE: Final = 20
F_WHOLE_MASK: Final = 0x1F
F_DECIMALS: Final = 25
F_SCALE: Final = 29
F_DIGITS_MASK: Final = 0xF
F_LENGTH: Final = 33
F_LENGTH_MASK: Final = 0xFFFF

TEXT: Final = 0
NUMBER: Final = 1
DATE: Final = 2

# Columns of `deferred` and `problems`.
D_WIDTH: Final = 4  # field, row, place in `raw`, length
P_WIDTH: Final = 5  # kind, entry, row, place in `raw`, length (-1: no text)
MISSING: Final = 0
MISPLACED: Final = 1

NO_NUMBER: Final = -(2**63)
NO_DATE: Final = -(2**31)
NO_TEXT: Final = 2**64 - 1

_BYTES = types.Array(types.uint8, 1, "C")


def _vector_operations() -> tuple[Any, ...]:
    """Loads and comparisons of 8 and 32 bytes at once, as LLVM instructions."""
    byte, word = ir.IntType(8), ir.IntType(64)
    vector = ir.VectorType(byte, 32)

    def pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
        return builder.gep(context.make_array(array_type)(context, builder, array).data, [at])

    @intrinsic
    def load(typing: Any, array: Any, at: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = builder.bitcast(pointer(context, builder, signature.args[0], args[0], args[1]), word.as_pointer())
            value = builder.load(place)
            value.align = 1
            return value

        return types.uint64(_BYTES, types.int64), code

    @intrinsic
    def store(typing: Any, array: Any, at: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            place = builder.bitcast(pointer(context, builder, signature.args[0], args[0], args[1]), word.as_pointer())
            stored = builder.store(args[2], place)
            stored.align = 1
            return context.get_dummy_value()

        return types.void(_BYTES, types.int64, types.uint64), code

    def splat(value: int) -> Any:
        return ir.Constant(vector, [value] * 32)

    def compared(test: Any) -> Any:
        @intrinsic
        def mask(typing: Any, array: Any, at: Any) -> Any:
            def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                place = builder.bitcast(pointer(context, builder, signature.args[0], args[0], args[1]), vector.as_pointer())
                value = builder.load(place)
                value.align = 1
                return builder.zext(builder.bitcast(test(builder, value), ir.IntType(32)), word)

            return types.uint64(_BYTES, types.int64), code

        return mask

    def special(builder: Any, value: Any) -> Any:
        """`<`, `&`, `]`, control characters, and everything beyond ASCII (negative as signed bytes)."""
        found = builder.icmp_signed("<", value, splat(0x20))
        for letter in b"<&]":
            found = builder.or_(found, builder.icmp_unsigned("==", value, splat(letter)))
        return found

    def ink(builder: Any, value: Any) -> Any:
        """Everything but the four blanks of XML."""
        blank = builder.icmp_unsigned("==", value, splat(0x20))
        for letter in b"\t\n\r":
            blank = builder.or_(blank, builder.icmp_unsigned("==", value, splat(letter)))
        return builder.not_(blank)

    def feed(builder: Any, value: Any) -> Any:
        return builder.icmp_unsigned("==", value, splat(0x0A))

    @intrinsic
    def first_bit(typing: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

        return types.int64(types.uint64), code

    @intrinsic
    def bits(typing: Any, value: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.ctpop(args[0])

        return types.int64(types.uint64), code

    return load, store, compared(special), compared(ink), compared(feed), first_bit, bits


if PORTABLE:

    @njit(nogil=True)
    def load64(buf, at):  # type: ignore[no-untyped-def]
        """Eight bytes as one little-endian number."""
        value = U(0)
        for number in range(8):
            value |= U(buf[at + number]) << U(8 * number)
        return value

    @njit(nogil=True)
    def store64(buf, at, value):  # type: ignore[no-untyped-def]
        """Eight bytes out of one number."""
        for number in range(8):
            buf[at + number] = np.uint8((value >> U(8 * number)) & U(255))

    @njit(nogil=True)
    def find_special(buf, at):  # type: ignore[no-untyped-def]
        """The first byte that is not plain text of a leaf."""
        while True:
            letter = buf[at]
            if letter < 32 or letter == 60 or letter > 127 or letter == 38 or letter == 93:  # noqa: PLR1714 - compiled
                return at
            at += 1

    @njit(nogil=True)
    def skip_blanks(buf, at):  # type: ignore[no-untyped-def]
        """(The first byte that is no blank, line feeds passed)."""
        lines = 0
        while True:
            letter = buf[at]
            if letter == 10:
                lines += 1
            elif letter != 32 and letter != 9 and letter != 13:  # noqa: PLR1714 - compiled
                return at, lines
            at += 1

else:
    load64, store64, _special32, _ink32, _feed32, _first_bit, _bits = _vector_operations()

    @njit(nogil=True, forceinline=True)
    def find_special(buf, at):  # type: ignore[no-untyped-def]
        """The first byte that is not plain text of a leaf."""
        mask = _special32(buf, at)
        while mask == 0:
            at += 32
            mask = _special32(buf, at)
        return at + _first_bit(mask)

    @njit(nogil=True)
    def skip_blanks(buf, at):  # type: ignore[no-untyped-def]
        """(The first byte that is no blank, line feeds passed)."""
        lines = 0
        mask = _ink32(buf, at)
        while mask == 0:
            lines += _bits(_feed32(buf, at))
            at += 32
            mask = _ink32(buf, at)
        step = _first_bit(mask)
        lines += _bits(_feed32(buf, at) & ((U(1) << U(step)) - U(1)))
        return at + step, lines


@njit(nogil=True)
def digits(buf, at, count):  # type: ignore[no-untyped-def]
    """Up to eight digits as a number, all at once; -1 when one of them is none."""
    if count <= 0 or count > 8:
        return np.int64(-1)
    word = load64(buf, at)
    if count < 8:
        shift = U(8 * (8 - count))
        word = (word << shift) | (U(0x3030303030303030) >> U(8 * count))
    value = word - U(0x3030303030303030)
    if (word & U(0xF0F0F0F0F0F0F0F0)) != U(0x3030303030303030):
        return np.int64(-1)
    if ((value + U(0x0606060606060606)) & U(0xF0F0F0F0F0F0F0F0)) != U(0):
        return np.int64(-1)
    value = (value * U(10)) + (value >> U(8))
    high = (value & U(0x000000FF000000FF)) * U(0x000F424000000064)
    low = ((value >> U(16)) & U(0x000000FF000000FF)) * U(0x0000271000000001)
    return np.int64((high + low) >> U(32))


@njit(nogil=True)
def whole_number(buf, at, count):  # type: ignore[no-untyped-def]
    """Up to sixteen digits as a number; -1 when one of them is none."""
    if count <= 8:
        return digits(buf, at, count)
    if count > 16:
        return np.int64(-1)
    high = digits(buf, at, count - 8)
    low = digits(buf, at + count - 8, 8)
    if high < 0 or low < 0:
        return np.int64(-1)
    return high * np.int64(100000000) + low


@njit(nogil=True)
def number(buf, at, count, whole, decimals, scale, powers):  # type: ignore[no-untyped-def]
    """A plain number of the format in units of 10^-scale; -1 for everything else (which may still be a number)."""
    point = -1
    if decimals > 0:
        # Nearly always the point stands where the format has it.
        if count > decimals + 1 and buf[U(at + count - decimals - 1)] == 46:
            point = count - decimals - 1
        else:
            for place in range(count):
                if buf[U(at + place)] == 46:
                    point = place
                    break
    if point < 0:
        if count > whole:
            return np.int64(-1)
        value = whole_number(buf, at, count)
        return value if value < 0 else value * powers[U(scale)]
    fraction = count - point - 1
    if point > whole or fraction < 1 or fraction > decimals:
        return np.int64(-1)
    value = whole_number(buf, at, point)
    part = digits(buf, at + point + 1, fraction)
    if value < 0 or part < 0:
        return np.int64(-1)
    return value * powers[U(scale)] + part * powers[U(scale - fraction)]


@njit(nogil=True)
def day(buf, at, count, month_start, month_length):  # type: ignore[no-untyped-def]
    """YYYY-MM-DD of the years 1900 to 2099 as days since 1970-01-01; NO_DATE for everything else."""
    if count != 10 or buf[U(at + 4)] != 45 or buf[U(at + 7)] != 45:
        return np.int64(NO_DATE)
    year = digits(buf, at, 4)
    month = digits(buf, at + 5, 2)
    date = digits(buf, at + 8, 2)
    if year < 1900 or year > 2099 or month < 1 or month > 12 or date < 1:
        return np.int64(NO_DATE)
    place = (year - 1900) * 12 + month - 1
    if date > month_length[U(place)]:
        return np.int64(NO_DATE)
    return np.int64(month_start[U(place)]) + date - 1


@njit(nogil=True)
def wide_letter(buf, at):  # type: ignore[no-untyped-def]
    """Bytes of the UTF-8 letter at `at` that XML allows; 0 when it is none."""
    first = buf[U(at)]
    if first < 0xC2 or first > 0xF4:
        return 0
    second = buf[U(at + 1)]
    if second < 0x80 or second > 0xBF:
        return 0
    if first < 0xE0:
        return 2
    third = buf[U(at + 2)]
    if third < 0x80 or third > 0xBF:
        return 0
    if first < 0xF0:
        if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
            return 0
        if first == 0xEF and second == 0xBF and third > 0xBD:
            return 0
        return 3
    fourth = buf[U(at + 3)]
    if fourth < 0x80 or fourth > 0xBF:
        return 0
    if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
        return 0
    return 4


@njit(nogil=True)
def entity(buf, at):  # type: ignore[no-untyped-def]
    """(Letter, bytes) of one of the five entities at `at`; (0, 0) for anything else."""
    second = buf[U(at + 1)]
    if second == 113:  # quot
        if buf[U(at + 2)] == 117 and buf[U(at + 3)] == 111 and buf[U(at + 4)] == 116 and buf[U(at + 5)] == 59:
            return 34, 6
    elif second == 97:
        if buf[U(at + 2)] == 109 and buf[U(at + 3)] == 112 and buf[U(at + 4)] == 59:  # amp
            return 38, 5
        if buf[U(at + 2)] == 112 and buf[U(at + 3)] == 111 and buf[U(at + 4)] == 115 and buf[U(at + 5)] == 59:  # apos
            return 39, 6
    elif second == 108:
        if buf[U(at + 2)] == 116 and buf[U(at + 3)] == 59:  # lt
            return 60, 4
    elif second == 103 and buf[U(at + 2)] == 116 and buf[U(at + 3)] == 59:  # gt
        return 62, 4
    return 0, 0


@njit(nogil=True)
def decode(buf, at, side, used, windows, clean, letters):  # type: ignore[no-untyped-def]
    """A text with more than plain ASCII, decoded to UTF-8 behind `used` of `side`.

    Returns (place of the `<` that ends it, end in `side`, characters, line feeds, status DONE SLOW FULL).
    """
    out = used
    room = len(side) - 16
    characters = 0
    lines = 0
    while True:
        letter = buf[U(at)]
        if letter == 60:
            return at, out, characters, lines, DONE
        if out > room:
            return at, out, characters, lines, FULL
        characters += 1
        if letter > 127:
            if windows:
                packed = letters[U(letter)]
                count = np.int64(packed >> U(32))
                if count == 0:
                    return at, out, characters, lines, SLOW
                store64(side, out, packed)
                out += count
                at += 1
            else:
                count = wide_letter(buf, at)
                if count == 0:
                    return at, out, characters, lines, SLOW
                for step in range(count):
                    side[U(out + step)] = buf[U(at + step)]
                out += count
                at += count
            continue
        if letter == 38:
            meant, count = entity(buf, at)
            if count == 0:
                return at, out, characters, lines, SLOW
            side[U(out)] = np.uint8(meant)
            out += 1
            at += count
            continue
        if letter < 32:
            if letter == 10:
                lines += 1
            elif letter == 13:
                if not clean:
                    letter = np.uint8(10)
                    if buf[U(at + 1)] == 10:
                        at += 1
                        lines += 1
            elif letter != 9:
                return at, out, characters, lines, SLOW
        elif letter == 93 and buf[U(at + 1)] == 93 and buf[U(at + 2)] == 62:
            return at, out, characters, lines, SLOW
        side[U(out)] = letter
        out += 1
        at += 1


@njit(nogil=True)
def copy(source, at, target, place, count):  # type: ignore[no-untyped-def]
    """`count` bytes, eight at a time; up to seven more are written."""
    step = 0
    while step < count:
        store64(target, place + step, load64(source, at + step))
        step += 8


@njit(nogil=True)
def find_entry(low, high, keys, first, count, start):  # type: ignore[no-untyped-def]
    """The entry whose tag and `>` stand in the sixteen bytes, from `start` on and round; -1 for none."""
    entry = start
    for _ in range(count):
        if (low & keys[U(4 * entry + 2)]) == keys[U(4 * entry)] and (high & keys[U(4 * entry + 3)]) == keys[U(4 * entry + 1)]:
            return entry
        entry += 1
        if entry == first + count:
            entry = first
    return -1


@njit(nogil=True)
def empty_tag(buf, at, keys, entries, first, count):  # type: ignore[no-untyped-def]
    """The entry of `<TAG/>` whose name starts at `at`; -1 for none."""
    for entry in range(first, first + count):
        length = entries[U(entry)] & E_LENGTH
        if buf[U(at + length)] != 47 or buf[U(at + length + 1)] != 62:
            continue
        same = True
        for step in range(length):
            word = keys[U(4 * entry)] if step < 8 else keys[U(4 * entry + 1)]
            if buf[U(at + step)] != np.uint8((word >> U(8 * (step & 7))) & U(255)):
                same = False
                break
        if same:
            return entry
    return -1


@njit(nogil=True, cache=_CACHE)
def scan(  # type: ignore[no-untyped-def]
    buf, start, end, control, keys, entries, states, mandatory, fields, bases, allowed, powers, month_start, month_length,
    letters,
    row, before, capacity, last, parents, parent_base, numbers, dates, texts, side, raw, deferred, problems, offsets, lines_of,
    after, seen, highest,
):  # fmt: skip
    """Records from buf[U(start:end)] into the output arrays, until the end or something that is not of the subset.

    Returns (how it ended, where: the start of the first record that was not taken). What was kept of a record that is given
    back is taken back again. buf[U(end)] is `<`, PADDING bytes behind it can be read.
    """
    side_used, raw_used = control[SIDE_USED], control[RAW_USED]
    count_deferred, count_problems = control[DEFERRED], control[PROBLEMS]
    lines, base = control[LINES], control[OFFSET]
    max_text, windows, clean = control[MAX_TEXT], control[WINDOWS] == 1, control[CLEAN] == 1
    record = control[RECORD]
    record_state = (entries[U(record)] >> E_TARGET) & E_TARGET_MASK
    record_table = states[U(S_WIDTH * record_state + S_TABLE)]
    record_length = entries[U(record)] & E_LENGTH
    entry_count = len(entries)
    table_count = len(row)
    field_count = len(last)
    control[FULL_TABLE] = -1
    ended = DONE
    at = start
    while True:
        if buf[U(at)] != 60:
            at, passed = skip_blanks(buf, at)
            lines += passed
        if at >= end:
            break
        if (load64(buf, at + 1) & keys[U(4 * record + 2)]) != keys[U(4 * record)] or (
            load64(buf, at + 9) & keys[U(4 * record + 3)]
        ) != keys[U(4 * record + 1)]:
            ended = OTHER
            break
        # --- a record begins: what it may have to take back
        record_start, record_line = at, lines
        kept_side, kept_raw, kept_deferred, kept_problems = side_used, raw_used, count_deferred, count_problems
        for table in range(table_count):
            before[U(table)] = row[U(table)]
        this = row[U(record_table)] + 1
        if this >= capacity[U(record_table)]:
            control[FULL_TABLE] = record_table
            ended = FULL
            break
        row[U(record_table)] = this
        parents[U(parent_base[U(record_table)] + this)] = 0
        offsets[U(this)] = base + at
        lines_of[U(this)] = lines
        at += record_length + 2
        state = record_state
        seen_low, seen_high = U(0), U(0)
        high = np.int64(-1)
        current = entry_count + state  # what was read last on this level: the key of the guess for what comes next
        while True:
            if buf[U(at)] != 60:
                at, passed = skip_blanks(buf, at)
                lines += passed
                if buf[U(at)] != 60:
                    ended = SLOW
                    break
            if buf[U(at + 1)] == 47:
                # --- </TAG> of the structure
                entry = states[U(S_WIDTH * state + S_ENTRY)]
                if (load64(buf, at + 2) & keys[U(4 * entry + 2)]) != keys[U(4 * entry)] or (
                    load64(buf, at + 10) & keys[U(4 * entry + 3)]
                ) != keys[U(4 * entry + 1)]:
                    ended = SLOW
                    break
                at += (entries[U(entry)] & E_LENGTH) + 3
                if not clean:
                    lack_low = mandatory[U(2 * state)] & ~seen_low
                    lack_high = mandatory[U(2 * state + 1)] & ~seen_high
                    if lack_low != U(0) or lack_high != U(0):
                        for order in range(states[U(S_WIDTH * state + S_COUNT)]):
                            bit = U(1) << U(order & 63)
                            if (lack_low if order < 64 else lack_high) & bit:
                                if P_WIDTH * (count_problems + 1) > len(problems):
                                    ended = FULL
                                    break
                                place = P_WIDTH * count_problems
                                problems[U(place)] = MISSING
                                problems[U(place + 1)] = states[U(S_WIDTH * state + S_FIRST)] + order
                                problems[U(place + 2)] = row[U(states[U(S_WIDTH * state + S_TABLE)])]
                                problems[U(place + 3)] = 0
                                problems[U(place + 4)] = -1
                                count_problems += 1
                        if ended != DONE:
                            break
                if state == record_state:
                    break
                state = states[U(S_WIDTH * state + S_PARENT)]
                seen_low, seen_high = seen[U(2 * state)], seen[U(2 * state + 1)]
                high = highest[U(state)]
                current = entry
                continue
            # --- <TAG> of a child
            low, upper = load64(buf, at + 1), load64(buf, at + 9)
            entry = after[U(current)]
            closed = False
            if (low & keys[U(4 * entry + 2)]) != keys[U(4 * entry)] or (upper & keys[U(4 * entry + 3)]) != keys[U(4 * entry + 1)]:
                first, count = states[U(S_WIDTH * state + S_FIRST)], states[U(S_WIDTH * state + S_COUNT)]
                entry = find_entry(low, upper, keys, first, count, entry)
                if entry < 0:
                    entry = empty_tag(buf, at + 1, keys, entries, first, count)
                    if entry < 0:
                        ended = SLOW
                        break
                    closed = True
                else:
                    after[U(current)] = entry
            word = entries[U(entry)]
            length, order = word & E_LENGTH, (word >> E_ORDER) & E_ORDER_MASK
            target = (word >> E_TARGET) & E_TARGET_MASK
            misplaced = False
            if not clean:
                bit = U(1) << U(order & 63)
                if order < 64:
                    again = (seen_low & bit) != U(0)
                    seen_low |= bit
                else:
                    again = (seen_high & bit) != U(0)
                    seen_high |= bit
                if again and (word & E_REPEATS) == 0:
                    ended = SLOW
                    break
                if order >= high:
                    high = order
                elif high < 1000:
                    misplaced = True
                    high += 1000  # told once for each structure; orders stay below
            if word & E_STRUCTURE:
                # --- a structure begins
                below = target
                place = S_WIDTH * below
                table = states[U(place + S_TABLE)]
                if closed:
                    at += length + 3
                else:
                    at += length + 2
                if misplaced:
                    if not closed and buf[U(at)] != 60:
                        at, passed = skip_blanks(buf, at)
                        lines += passed
                    if closed or buf[U(at + 1)] == 47:
                        ended = SLOW  # an empty structure out of place: what its text is, lxml says
                        break
                    if P_WIDTH * (count_problems + 1) > len(problems):
                        ended = FULL
                        break
                    spot = P_WIDTH * count_problems
                    problems[U(spot)] = MISPLACED
                    problems[U(spot + 1)] = entry
                    problems[U(spot + 2)] = row[U(states[U(S_WIDTH * state + S_TABLE)])]
                    problems[U(spot + 3)] = 0
                    problems[U(spot + 4)] = -1
                    count_problems += 1
                if states[U(place + S_OWN)] == 1:
                    this = row[U(table)] + 1
                    if this >= capacity[U(table)]:
                        control[FULL_TABLE] = table
                        ended = FULL
                        break
                    row[U(table)] = this
                    parents[U(parent_base[U(table)] + this)] = row[U(states[U(place + S_OWNER)])]
                    twin = states[U(place + S_TWIN)]
                    if twin >= 0:
                        other = row[U(twin)] + 1
                        if other >= capacity[U(twin)]:
                            control[FULL_TABLE] = twin
                            ended = FULL
                            break
                        row[U(twin)] = other
                        parents[U(parent_base[U(twin)] + other)] = this
                if closed:
                    if not clean:
                        for order in range(states[U(place + S_COUNT)]):
                            if (mandatory[U(2 * below + (order >> 6))] >> U(order & 63)) & U(1):
                                if P_WIDTH * (count_problems + 1) > len(problems):
                                    ended = FULL
                                    break
                                spot = P_WIDTH * count_problems
                                problems[U(spot)] = MISSING
                                problems[U(spot + 1)] = states[U(place + S_FIRST)] + order
                                problems[U(spot + 2)] = row[U(table)]
                                problems[U(spot + 3)] = 0
                                problems[U(spot + 4)] = -1
                                count_problems += 1
                        if ended != DONE:
                            break
                    current = entry
                    continue
                seen[U(2 * state)], seen[U(2 * state + 1)], highest[U(state)] = seen_low, seen_high, high
                state = below
                seen_low, seen_high = U(0), U(0)
                high = np.int64(-1)
                current = entry_count + state
                continue
            # --- a leaf: its text up to the `<`
            current = entry
            from_ = at + length + 2
            size = np.int64(0)
            decoded = -1  # end of the text in `side` when it is not plain
            characters = np.int64(0)
            if closed:
                at += length + 3
            else:
                to = find_special(buf, from_)
                if buf[U(to)] != 60:
                    to, decoded, characters, passed, status = decode(buf, from_, side, side_used, windows, clean, letters)
                    if status != DONE:
                        ended = status
                        break
                    lines += passed
                    size = decoded - side_used
                else:
                    size = to - from_
                    characters = size
                if to - from_ > max_text or buf[U(to + 1)] != 47:
                    ended = SLOW
                    break
                if (load64(buf, to + 2) & keys[U(4 * entry + 2)]) != keys[U(4 * entry)] or (
                    load64(buf, to + 10) & keys[U(4 * entry + 3)]
                ) != keys[U(4 * entry + 1)]:
                    ended = SLOW
                    break
                at = to + length + 3
            word = fields[U(target)]
            table = word & F_TABLE_MASK
            if misplaced:
                if P_WIDTH * (count_problems + 1) > len(problems) or raw_used + size + 16 > len(raw):
                    ended = FULL
                    break
                spot = P_WIDTH * count_problems
                problems[U(spot)] = MISPLACED
                problems[U(spot + 1)] = entry
                problems[U(spot + 2)] = row[U(states[U(S_WIDTH * state + S_TABLE)])]
                problems[U(spot + 3)] = raw_used
                problems[U(spot + 4)] = size
                count_problems += 1
                if decoded >= 0:
                    copy(side, side_used, raw, raw_used, size)
                else:
                    copy(buf, from_, raw, raw_used, size)
                raw_used += size
            if word & F_LIST:
                this = row[U(table)] + 1
                if this >= capacity[U(table)]:
                    control[FULL_TABLE] = table
                    ended = FULL
                    break
                row[U(table)] = this
                parents[U(parent_base[U(table)] + this)] = row[U((word >> F_OWNER) & F_OWNER_MASK)]
            this = row[U(table)]
            column = bases[U(target)]
            kind = (word >> F_TYPE) & F_TYPE_MASK
            missing = last[U(target)] + 1
            good = False
            if size > 0 and (word & F_DEFER) == 0:
                if kind == TEXT:
                    initial = side[U(side_used)] if decoded >= 0 else buf[U(from_)]
                    # What starts with a blank of any alphabet may be blank altogether.
                    if characters <= ((word >> F_LENGTH) & F_LENGTH_MASK) and initial > 32 and (
                        initial < 128 or (initial != 0xC2 and (initial < 0xE1 or initial > 0xE3))
                    ):  # fmt: skip
                        good = True
                        spot = 2 * (column + this)
                        if size <= 12:
                            if decoded >= 0:
                                first_word, second_word = load64(side, side_used), load64(side, side_used + 8)
                            else:
                                first_word, second_word = load64(buf, from_), load64(buf, from_ + 8)
                            if size < 8:
                                first_word &= (U(1) << U(8 * size)) - U(1)
                                second_word = U(0)
                            else:
                                second_word &= (U(1) << U(8 * (size - 8))) - U(1)
                            texts[U(spot)] = U(size) | (first_word << U(32))
                            texts[U(spot + 1)] = (first_word >> U(32)) | (second_word << U(32))
                        else:
                            if side_used + size + 16 > len(side):
                                ended = FULL
                                break
                            if decoded < 0:
                                copy(buf, from_, side, side_used, size)
                            texts[U(spot)] = U(size) | (load64(side, side_used) << U(32))
                            texts[U(spot + 1)] = U(side_used) << U(32)
                            side_used += size
                elif decoded < 0:
                    if kind == NUMBER:
                        value = number(
                            buf, from_, size, (word >> F_WHOLE) & F_WHOLE_MASK, (word >> F_DECIMALS) & F_DIGITS_MASK,
                            (word >> F_SCALE) & F_DIGITS_MASK, powers,
                        )  # fmt: skip
                        if value >= 0:
                            choice = allowed[U(target)]
                            if choice == U(0) or (value < 64 and ((choice >> U(value)) & U(1)) != U(0)):
                                good = True
                                numbers[U(column + this)] = value
                    else:
                        value = day(buf, from_, size, month_start, month_length)
                        if value != NO_DATE:
                            good = True
                            dates[U(column + this)] = value
            if missing < this or not good:
                # Rows without this element since it was last seen, and a value that the grammar has to judge.
                to = this if good else this + 1
                if kind == TEXT:
                    for gap in range(missing, to):
                        texts[U(2 * (column + gap))] = U(NO_TEXT)
                        texts[U(2 * (column + gap) + 1)] = U(0)
                elif kind == NUMBER:
                    for gap in range(missing, to):
                        numbers[U(column + gap)] = NO_NUMBER
                else:
                    for gap in range(missing, to):
                        dates[U(column + gap)] = NO_DATE
            last[U(target)] = this
            if not good:
                if D_WIDTH * (count_deferred + 1) > len(deferred) or raw_used + size + 16 > len(raw):
                    ended = FULL
                    break
                spot = D_WIDTH * count_deferred
                deferred[U(spot)] = target
                deferred[U(spot + 1)] = this
                deferred[U(spot + 2)] = raw_used
                deferred[U(spot + 3)] = size
                count_deferred += 1
                if decoded >= 0:
                    copy(side, side_used, raw, raw_used, size)
                else:
                    copy(buf, from_, raw, raw_used, size)
                raw_used += size
        if ended != DONE:
            # The record is given back: nothing of it stays.
            at, lines = record_start, record_line
            side_used, raw_used, count_deferred, count_problems = kept_side, kept_raw, kept_deferred, kept_problems
            for table in range(table_count):
                row[U(table)] = before[U(table)]
            for field in range(field_count):
                if last[U(field)] > row[U(fields[U(field)] & F_TABLE_MASK)]:  # noqa: PLR1730 - compiled
                    last[U(field)] = row[U(fields[U(field)] & F_TABLE_MASK)]
            break
    control[SIDE_USED], control[RAW_USED] = side_used, raw_used
    control[DEFERRED], control[PROBLEMS] = count_deferred, count_problems
    control[LINES] = lines
    return ended, at


@njit(nogil=True, cache=_CACHE)
def finish(fields, bases, row, last, numbers, dates, texts, validity, validity_base, nulls):  # type: ignore[no-untyped-def]
    """Fills the ends of the columns and writes their bits of validity (Arrow: 1 = there is a value).

    `nulls` gets the number of rows without a value; columns without any value at all are left alone (nulls = rows).
    """
    for field in range(len(last)):
        rows = row[U(fields[U(field)] & F_TABLE_MASK)] + 1
        column = bases[U(field)]
        kind = (fields[U(field)] >> F_TYPE) & F_TYPE_MASK
        if last[U(field)] < 0:
            nulls[U(field)] = rows
            continue
        missing = np.int64(0)
        start = validity_base[U(field)]
        byte = U(0)
        for this in range(rows):
            if kind == TEXT:
                spot = 2 * (column + this)
                there = this <= last[U(field)] and texts[U(spot)] != U(NO_TEXT)
                if not there:
                    texts[U(spot)] = U(0)
                    texts[U(spot + 1)] = U(0)
            elif kind == NUMBER:
                there = this <= last[U(field)] and numbers[U(column + this)] != NO_NUMBER
            else:
                there = this <= last[U(field)] and dates[U(column + this)] != NO_DATE
            if there:
                byte |= U(1) << U(this & 7)
            else:
                missing += 1
            if (this & 7) == 7:
                validity[U(start + (this >> 3))] = np.uint8(byte)
                byte = U(0)
        if rows & 7:
            validity[U(start + (rows >> 3))] = np.uint8(byte)
        nulls[U(field)] = missing


#: Larger groups are looked at in another way.
MOST_IN_GROUP: Final = 64


@njit(nogil=True, cache=_CACHE)
def repeats(parents, base, rows, texts, column, side):  # type: ignore[no-untyped-def]
    """Whether rows of one parent (they stand together) have the same text, or too many rows have one parent. After `finish`."""
    first = np.int64(0)
    for this in range(rows):
        if parents[U(base + this)] != parents[U(base + first)]:
            first = np.int64(this)
        if this - first >= MOST_IN_GROUP:
            return True
        spot = 2 * (column + this)
        size = np.int64(texts[U(spot)] & U(0xFFFFFFFF))
        if size == 0:
            continue
        for earlier in range(first, this):
            other = 2 * (column + earlier)
            if texts[U(other)] != texts[U(spot)]:
                continue
            if size <= 12:
                if texts[U(other + 1)] == texts[U(spot + 1)]:
                    return True
                continue
            place, place_other = np.int64(texts[U(spot + 1)] >> U(32)), np.int64(texts[U(other + 1)] >> U(32))
            same = True
            for step in range(size):
                if side[U(place + step)] != side[U(place_other + step)]:
                    same = False
                    break
            if same:
                return True
    return False
