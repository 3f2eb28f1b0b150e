"""Are the compiled kernels exact, do they flag what is out of bounds, and are they the same with the compiler off?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import money, money_kernel
from omsclaims.money import FLAG_NEGATIVE, FLAG_OK, FLAG_TOO_LARGE, MAX_KOPECKS, Term, amounts_or_flags, share_out, share_rows
from tests.exactness import fingerprint, rows, splits

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def kernel_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows go through the kernel, too."""
    monkeypatch.setattr(money, "ROWS_IN_PYTHON", -1)


def column(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", rows.CLASSES)
def test_each_class_of_rows_equals_fractions(name: str, seed: int, kernel_only: None) -> None:
    found = rows.check(name, seed, 2_000)
    assert (found.rows, found.wrong, found.unflagged) == (2_000, 0, 0)


def test_the_classes_hold_what_they_promise() -> None:
    tallies = {name: rows.check(name, 0, 2_000) for name in rows.CLASSES}
    assert tallies["ties"].ties > 1_000
    assert tallies["neighbours of ties"].ties > 100
    assert tallies["10^-29 above a tie"].ties > 500
    assert tallies["sum of law 8.2, ties"].ties > 20
    assert tallies["divisors above 2^126"].ties > 500
    assert 200 < tallies["at the bounds"].flagged < 1_800
    assert tallies["beyond the bounds"].flagged > 100
    assert tallies["random products"].flagged == 0


def test_the_kernel_itself_does_nearly_all_rows() -> None:
    """Python integers are for rows beyond 256 bits: a class that never reached the kernel would prove nothing about it."""
    for name, made in rows.CLASSES.items():
        terms = made(np.random.default_rng(8), 2_000)
        columns, products = money._distinct(terms)
        common = max(2, *(term.decimals for term in terms), 2)
        lifts = [10 ** (common - term.decimals) for term in terms]
        _, flags = money_kernel.sum_of_products(columns, products, lifts, common - 2, 100, MAX_KOPECKS)
        wide = int((flags == money_kernel.TOO_WIDE).sum())
        assert (wide > 20) == (name == "beyond the bounds") and wide < 500, name


def test_bodies_with_the_compiler_off_make_the_same() -> None:
    """Every kernel is interpreted in a process of its own: what it makes of all classes and splits is what the compiled one makes."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.exactness.fingerprint"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    interpreted = json.loads(done.stdout)
    compiled = fingerprint.fingerprint()
    assert interpreted.keys() == compiled.keys()
    for name, found in compiled.items():
        assert interpreted[name] == found, name


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_the_upper_half_of_a_product(a: int, b: int) -> None:
    assert int(money_kernel._high_in_python(np.uint64(a), np.uint64(b))) == (a * b) >> 64


def _rounded_soon(sums: list[int], divisor: int) -> tuple[list[int], bool]:
    shift = (divisor & -divisor).bit_length() - 1
    limbs = np.zeros((4, len(sums)), dtype=np.uint64)
    for row, total in enumerate(sums):
        limbs[0, row], limbs[1, row] = total & (2**64 - 1), total >> 64
    made = np.empty(len(sums), dtype=np.int64)
    most = np.uint64(money_kernel._MOST_SOON)
    kept = money_kernel._round_soon(
        limbs, money_kernel._limbs(divisor // 2), np.uint64(divisor >> shift), np.uint64(shift),
        (1 / divisor) * money_kernel._LESS, 1, most, made, np.empty(0, dtype=np.uint64), 0,
    )  # fmt: skip
    return made.tolist(), bool(kept)


@settings(max_examples=400)
@given(
    digits=st.integers(0, 27),
    step=st.sampled_from([1, 2, 5, 10, 100]),
    quotients=st.lists(
        st.one_of(st.integers(0, 2**49 - 5), st.integers(2**49 - 9, 2**49 - 5), st.integers(0, 9)), min_size=1, max_size=80
    ),
    near=st.sampled_from([-2, -1, 0, 1, 2]),
)
def test_several_rows_are_rounded_at_a_time_on_both_sides_of_a_tie(
    digits: int, step: int, quotients: list[int], near: int
) -> None:
    """As near to a tie as whole numbers can be, to quotients of 2^49: the estimate is wrong by one there as often as it can be."""
    divisor = 10**digits * step
    while divisor >> ((divisor & -divisor).bit_length() - 1) >= 2**63:
        divisor //= 5  # 5 x 10^27 and more: the odd part does not fit
    sums = [total for q in quotients if 0 <= (total := q * divisor - divisor // 2 + near) < 2**128]
    made, kept = _rounded_soon(sums, divisor)
    assert kept
    assert made == [(total + divisor // 2) // divisor for total in sums]


@pytest.mark.parametrize("divisor", [1, 10**2, 10**12, 10**27])
def test_an_amount_too_large_to_be_rounded_soon_says_so(divisor: int) -> None:
    largest = min(2**128 - 1, (2**49 - 2) * divisor)
    assert _rounded_soon([5, largest], divisor)[1]
    for total in (2**49 * divisor, 2**50 * divisor, 2**63 * divisor, 2**127, 2**128 - 1):
        if 2**49 * divisor <= total < 2**128:
            assert not _rounded_soon([5, total, 7], divisor)[1]


@pytest.mark.parametrize(("step", "top"), [(1, MAX_KOPECKS), (10, MAX_KOPECKS - 9), (100, MAX_KOPECKS - 99)])
@pytest.mark.parametrize("in_python", [-1, 256])
def test_the_largest_amount_is_kept_and_the_next_is_flagged(
    step: int, top: int, in_python: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(money, "ROWS_IN_PYTHON", in_python)
    half = column(*(top * 10 + offset * step for offset in (0, 4, 5, 6)))  # tenths of a kopeck above the top: 5 rounds up
    amounts, flags = amounts_or_flags([Term((half,), 3)], step=step)
    assert flags.tolist() == [FLAG_OK, FLAG_OK, FLAG_TOO_LARGE, FLAG_TOO_LARGE]
    assert amounts.tolist() == [top, top, 0, 0]


@pytest.mark.parametrize("in_python", [-1, 256])
def test_one_bad_row_changes_no_other(in_python: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(money, "ROWS_IN_PYTHON", in_python)
    rate = column(1_000_000, -1, 2**62, 3_333_350, 2**62, 0)
    share = column(100_000, 100_000, 2**62, 100_000, 2**60, 2**62)
    wide = column(1, 1, 2**62, 1, 1, 2**62)
    terms = [Term((rate, share, wide, wide, wide), 9), Term((share, wide, wide), 60)]
    amounts, flags = amounts_or_flags(terms)
    assert flags.tolist() == [FLAG_OK, FLAG_NEGATIVE, FLAG_TOO_LARGE, FLAG_OK, FLAG_TOO_LARGE, FLAG_OK]
    assert amounts.tolist()[:4] == [100_00, 0, 0, 333_34]  # 100 roubles; 333.335 is a tie
    assert amounts.tolist()[5] == (2**186 * 100 + 10**60 // 2) // 10**60


def test_any_block_gives_what_one_block_gives(kernel_only: None) -> None:
    """Rows lie in blocks and chunks of the kernel: their borders change nothing."""
    many = 2 * money_kernel.BLOCK + money_kernel.CHUNK + 1
    terms = rows.absurd_rows_among_others(np.random.default_rng(1), many)
    whole = amounts_or_flags(terms)
    for first, last in ((0, 5), (money_kernel.CHUNK - 2, money_kernel.CHUNK + 2), (money_kernel.BLOCK - 3, many)):
        part = amounts_or_flags([Term(tuple(factor[first:last] for factor in term.factors), term.decimals) for term in terms])
        assert part[0].tolist() == whole[0][first:last].tolist()
        assert part[1].tolist() == whole[1][first:last].tolist()


def test_many_small_frames_wake_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "omsclaims.money_kernel")
    monkeypatch.setattr(money, "_missed", [0])
    assert not money._kernel_pays(256)
    assert not money._kernel_pays(50_000)
    assert money._kernel_pays(300)  # 50,300 rows so far
    monkeypatch.setitem(sys.modules, "omsclaims.money_kernel", money_kernel)
    monkeypatch.setattr(money, "_missed", [0])
    assert money._kernel_pays(257)
    assert not money._kernel_pays(256)


def test_no_rows_are_no_amounts(kernel_only: None) -> None:
    amounts, flags = amounts_or_flags([Term((column(),), 2)])
    assert (amounts.size, flags.size) == (0, 0)


# --- shares --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_many_splits_are_what_one_by_one_makes(seed: int) -> None:
    found = splits.check(seed, 3_000, every=1)
    assert (found.splits, found.not_preserved, found.unlike, found.compared) == (3_000, 0, 0, 3_000)


@settings(max_examples=100, deadline=None)
@given(
    total=st.integers(-MAX_KOPECKS * 5, MAX_KOPECKS * 5),
    weights=st.lists(st.integers(0, 2**62), min_size=1, max_size=120).filter(any),
    keys=st.integers(1, 4),
    in_python=st.sampled_from([-1, 10**6]),
)
def test_a_split_of_any_size_is_what_share_out_makes(total: int, weights: list[int], keys: int, in_python: int) -> None:
    names = np.array([f"75{row % keys:03d}" for row in range(len(weights))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(money, "ROWS_IN_PYTHON", in_python)
        parts = share_rows(column(total), column(*weights), np.zeros(len(weights), np.int64), names)
    assert parts.tolist() == share_out(total, weights, names.tolist())


@pytest.mark.parametrize("in_python", [-1, 256])
def test_ties_go_to_the_smaller_key_whatever_the_order_of_rows(in_python: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(money, "ROWS_IN_PYTHON", in_python)
    ids, keys = column(1, 0, 1, 0, 1, 0), np.array(["3", "b", "1", "a", "2", "c"])
    assert share_rows(column(100, -100), column(1, 1, 1, 1, 1, 1), ids, keys).tolist() == [-33, 33, -34, 34, -33, 33]
    assert share_rows(column(100), column(1, 1, 1), column(0, 0, 0)).tolist() == [34, 33, 33]


def test_splits_without_rows_or_weights() -> None:
    assert share_rows(column(0, 5), column(2, 0), column(1, 1)).tolist() == [5, 0]
    assert share_rows(column(0), column(0, 0), column(0, 0)).tolist() == [0, 0]
    assert share_rows(column(), column(), column()).size == 0
    with pytest.raises(ValueError, match="nothing to share by"):
        share_rows(column(1), column(0, 0), column(0, 0))
    with pytest.raises(ValueError, match="nothing to share by"):
        share_rows(column(1, 1), column(3), column(0))
    with pytest.raises(ValueError, match="negative"):
        share_rows(column(1), column(1, -1), column(0, 0))
