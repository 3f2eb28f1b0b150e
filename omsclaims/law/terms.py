"""When does a term of the law end? Every term of the program is counted here (law.md 15; Civil Code art. 191-193).

A term is a dated parameter of the law; its unit says how it is counted:

    working days               the day of the event never counts, the n-th working day is in
    days                       calendar days; an end on a day off moves to the next working day (art. 193)
    months                     the same day n months later, or the last day of a shorter month (art. 192); moved as days are
    months before              the same, backwards: the last day on which something that must come first is in time; never moved
    working day of the month   the n-th working day of the month after
    MM-DD                      a fixed day of the year, moved as days are

Two switches reach every term: `calendar.decree_days_off` (days that decrees of 2020 and 2021 declared non-working) and
`calendar.move_to_working_day` (art. 193). Both, as the term itself, are those of the day of the event.
"""

from __future__ import annotations

import calendar
from datetime import date
from typing import Final

from omsclaims.law import Parameters
from omsclaims.periods import CalendarEndsError, Month, add_calendar_days, add_working_days, working_day_of_month

#: Units of parameters that are terms.
UNITS: Final = ("working days", "days", "months", "months before", "working day of the month", "MM-DD")


def decree_days_off(law: Parameters, on: date) -> bool:
    """Whether days declared non-working by decree count as days off, for a term that begins on a day."""
    return bool(law.value("calendar.decree_days_off", on))


def due(law: Parameters, name: str, event: date) -> date:
    """The last day of the term `name` (a parameter, `accidents.find_working_days`) that begins with an event.

    Raises CalendarEndsError where the production calendar of that year is not known (see `due_or_none`), ParameterError where
    the law has no such term on that day, and ValueError for a parameter that is no term of this kind.
    """
    number, unit = law.value(name, event), law.by_name[name].unit
    if unit == "working days":
        return add_working_days(event, int(number), decree_days_off(law, event))
    if unit == "days":
        return add_calendar_days(event, int(number), _moves(law, event), decree_days_off(law, event))
    if unit == "months":
        return moved(law, _months_later(event, int(number)), event)
    if unit == "months before":
        return _months_later(event, -int(number))
    raise ValueError(f"{name} is counted in {unit}: not a term that begins with a day")


def due_or_none(law: Parameters, name: str, event: date) -> date | None:
    """`due`, or None where the production calendar ends before the term does: lists say so, they do not stop."""
    try:
        return due(law, name, event)
    except CalendarEndsError:
        return None


def due_in_month(law: Parameters, name: str, month: Month) -> date:
    """The last day of a term that is the n-th working day of the month after `month`; the term is that of its first day."""
    number = int(law.value(name, month.first))
    return working_day_of_month(month.plus(1), number, decree_days_off(law, month.last))


def due_in_year(law: Parameters, name: str, year: int) -> date:
    """The fixed day `MM-DD` of a year, moved off a day off."""
    month, day = str(law.value(name, date(year, 1, 1))).split("-")
    return moved(law, date(year, int(month), int(day)))


def moved(law: Parameters, day: date, event: date | None = None) -> date:
    """A day on which a term ends, or the next working day where it is a day off and the switch says so (art. 193).

    event  day of which the switches are asked; by default the day itself
    """
    on = day if event is None else event
    return add_calendar_days(day, 0, _moves(law, on), decree_days_off(law, on))


def _moves(law: Parameters, on: date) -> bool:
    return bool(law.value("calendar.move_to_working_day", on))


def _months_later(day: date, months: int) -> date:
    """The same day of the month so many months later, or the last day of a shorter one."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
