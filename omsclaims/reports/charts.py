"""What does the month look like? Bars and the flow of money as inline SVG, drawn by hand: no script, no font, no outside address.

Lengths are tenths of a pixel worked out from kopecks in integers, so that the same month is the same picture, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup, escape

INK: Final = "#1d2733"
SOFT: Final = "#5b6875"
ACCEPTED: Final = "#4f8fb8"
REFUSED: Final = "#d9795f"
#: Colours of the payers in the flow, in turn: told apart also by people who do not see red and green alike.
BANDS: Final = ("#5b8db8", "#e0a458", "#6aa884", "#9a86b8", "#c77d8e", "#7d8b99")
_FONT: Final = 'font-family="Segoe UI, Helvetica Neue, Arial, Liberation Sans, DejaVu Sans, sans-serif"'

#: Names in the middle stand on bands: a white edge keeps them readable.
_HALO: Final = 'text-anchor="middle" stroke="#fff" stroke-width="4" stroke-linejoin="round" paint-order="stroke"'


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of two parts, in kopecks, with the text that stands behind it."""

    label: str
    accepted: int
    refused: int
    amount: str


def _tenths(value: int, whole: int, pixels: int) -> str:
    """`value` of `whole` on a scale of `pixels`, as pixels with one decimal, in integers."""
    length = 0 if whole <= 0 else value * pixels * 10 // whole
    return f"{length // 10}.{length % 10}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def bars(
    rows: Sequence[Bar], title: str, accepted: str, refused: str, width: int = 1100, labels: int = 290, second: str = REFUSED
) -> Markup:
    """Horizontal bars: accepted and refused side by side, the amount at the end. `title` is read to people who cannot see it.

    second  colour of the second part, where it is nothing bad
    """
    if not rows:
        return Markup("")
    step, top, amount_room = 26, 30, 165
    room = width - labels - amount_room
    height = top + step * len(rows) + 6
    largest = max(row.accepted + row.refused for row in rows)
    parts = [
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" {_FONT} font-size="13">',
        f'<rect x="{labels}" y="4" width="12" height="12" fill="{ACCEPTED}"/><text x="{labels + 18}" y="15" fill="{SOFT}">'
        f"{escape(accepted)}</text>",
        f'<rect x="{labels + 150}" y="4" width="12" height="12" fill="{second}"/><text x="{labels + 168}" y="15" fill="{SOFT}">'
        f"{escape(refused)}</text>",
    ]
    for number, row in enumerate(rows):
        y = top + step * number
        taken, back = _tenths(row.accepted, largest, room), _tenths(row.refused, largest, room)
        end = float(taken) + float(back) + labels + 8
        parts.append(
            f'<text x="{labels - 10}" y="{y + 15}" text-anchor="end" fill="{INK}">{escape(_cut(row.label, labels // 7))}</text>'
            f'<rect x="{labels}" y="{y + 2}" width="{taken}" height="18" fill="{ACCEPTED}"/>'
            f'<rect x="{labels + float(taken):.1f}" y="{y + 2}" width="{back}" height="18" fill="{second}"/>'
            f'<text x="{end:.1f}" y="{y + 15}" fill="{INK}">{escape(row.amount)}</text>'
        )
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


@dataclass(slots=True)
class Node:
    """A box of the flow: where it stands and how much goes through."""

    key: str
    label: str
    column: int
    colour: str = "#7d8b99"
    into: int = 0
    out: int = 0
    y: int = field(default=0)
    used_in: int = field(default=0)
    used_out: int = field(default=0)

    @property
    def size(self) -> int:
        """Kopecks that decide its height."""
        return max(self.into, self.out)


@dataclass(frozen=True, slots=True)
class Flow:
    """Kopecks from one box to another."""

    source: str
    target: str
    amount: int


def flows(nodes: Sequence[Node], links: Sequence[Flow], money: Callable[[int], str], title: str, heads: Sequence[str]) -> Markup:
    """Money from left to right through three columns of boxes; the height of a band is its amount. Links of zero are left out.

    nodes  in the order in which they stand in their column (0, 1, 2); money: how an amount is written; heads: over the columns
    """
    used = [link for link in links if link.amount > 0]
    by_key = {node.key: Node(node.key, node.label, node.column, node.colour) for node in nodes}
    for link in used:
        by_key[link.source].out += link.amount
        by_key[link.target].into += link.amount
    shown = [node for node in by_key.values() if node.size > 0]
    if not shown:
        return Markup("")
    columns = [[node for node in shown if node.column == number] for number in range(3)]
    gaps, top, width, box = (34, 52, 26), 56, 1100, 14
    largest = max(sum(node.size for node in column) for column in columns)
    pixels = max(280, 30 * max(len(column) for column in columns))
    tall = [
        sum(_pixels(node.size, largest, pixels) for node in column) + gap * (len(column) - 1)
        for column, gap in zip(columns, gaps, strict=True)
    ]
    height = top + max(tall) + 18
    left = (190, 500, width - 330)
    for column, gap, own in zip(columns, gaps, tall, strict=True):
        y = top + (max(tall) - own) // 2
        for node in column:
            node.y = y
            y += _pixels(node.size, largest, pixels) + gap
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" {_FONT} font-size="13">']
    for head, x, anchor in zip(heads, (left[0] + box, left[1] + box // 2, left[2]), ("end", "middle", "start"), strict=True):
        parts.append(f'<text x="{x}" y="14" text-anchor="{anchor}" fill="{SOFT}">{escape(head)}</text>')
    order = {key: number for number, key in enumerate(by_key)}
    for link in sorted(used, key=lambda item: (order[item.source], order[item.target])):
        parts.append(_band(link, by_key, left, box, largest, pixels))
    parts += [_box(node, left[node.column], box, largest, pixels, money) for node in shown]
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - every text above is escaped


def _pixels(amount: int, largest: int, pixels: int) -> int:
    """Height of an amount, at least two pixels so that a small one is seen."""
    return max(2, amount * pixels // largest)


def _band(link: Flow, nodes: dict[str, Node], left: tuple[int, int, int], box: int, largest: int, pixels: int) -> str:
    """A curved band; bands leave and arrive one below the other."""
    source, target = nodes[link.source], nodes[link.target]
    y1 = source.y + source.used_out * pixels // largest
    y2 = target.y + target.used_in * pixels // largest
    source.used_out += link.amount
    target.used_in += link.amount
    thick = max(1, link.amount * pixels // largest)
    x1, x2 = left[source.column] + box, left[target.column]
    bend = (x1 + x2) // 2
    colour = source.colour if source.column == 1 else target.colour
    return (
        f'<path d="M{x1} {y1}C{bend} {y1} {bend} {y2} {x2} {y2}V{y2 + thick}'
        f'C{bend} {y2 + thick} {bend} {y1 + thick} {x1} {y1 + thick}Z"'
        f' fill="{colour}" fill-opacity="0.42"/>'
    )


def _box(node: Node, x: int, box: int, largest: int, pixels: int, money: Callable[[int], str]) -> str:
    """A box with its name and amount: to the left of the first column, above the middle one, to the right of the last."""
    tall = _pixels(node.size, largest, pixels)
    rect = f'<rect x="{x}" y="{node.y}" width="{box}" height="{tall}" fill="{node.colour}"/>'
    name, amount = escape(_cut(node.label, 38 if node.column == 2 else 30)), escape(money(node.size))
    if node.column == 1:
        return (
            rect + f'<text x="{x + box // 2}" y="{node.y - 18}" {_HALO} fill="{INK}" font-weight="600">{name}</text>'
            f'<text x="{x + box // 2}" y="{node.y - 5}" {_HALO} fill="{INK}" font-size="12">{amount}</text>'
        )
    middle = node.y + tall // 2
    at, anchor = (x - 8, "end") if node.column == 0 else (x + box + 8, "start")
    return (
        rect + f'<text x="{at}" y="{middle - 2}" text-anchor="{anchor}" fill="{INK}" font-weight="600">{name}</text>'
        f'<text x="{at}" y="{middle + 13}" text-anchor="{anchor}" fill="{INK}" font-size="12">{amount}</text>'
    )
