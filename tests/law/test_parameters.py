"""Has every federal parameter its reference, how sure it is, and somebody who uses it?"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from omsclaims.law import SURENESS, ParameterError, Parameters, federal_parameters

PACKAGE = Path(__file__).parents[2] / "omsclaims"
PARAMETERS = federal_parameters().by_name


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_value_has_its_reference_and_says_how_sure_it_is(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter.meaning_ru.strip()
    assert parameter.meaning_en.strip()
    assert parameter.unit.strip()
    for value in parameter.values:
        assert len(value.reference.strip()) >= 10, value
        assert value.sure in SURENESS
        # What was read must say where: a point, an article, a table.
        assert value.sure != "read" or re.search(r"\d", value.reference), value


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_is_used(name: str) -> None:
    stem, key = name.split(".", 1)
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py")))
    # By its whole name, or by its key where the code puts the room's prefix before it.
    by_prefix = f'f"{stem}.{{' in code and re.search(rf'"{re.escape(key)}"', code) is not None
    assert f'"{name}"' in code or by_prefix, f"no code uses the parameter {name}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "settlement").glob("*.py")), ids=lambda path: path.name)
def test_every_parameter_asked_for_exists(path: Path) -> None:
    asked = re.findall(r'law\.(?:value|use)\("([a-z_.]+)"', path.read_text(encoding="utf-8"))
    assert set(asked) <= set(PARAMETERS)


def test_a_miss_is_an_error_never_a_zero() -> None:
    with pytest.raises(ParameterError, match=r"the parameter reserves\.lottery has no value"):
        federal_parameters().value("reserves.lottery", date(2022, 1, 1))
    with pytest.raises(ParameterError, match="no value on 2010-12-31"):
        federal_parameters().value("reserves.split", date(2010, 12, 31))


def test_a_null_ends_a_parameter() -> None:
    like = PARAMETERS["reserves.spare_limit_months"]
    ended = like.model_copy(
        update={"values": (*like.values, like.values[0].model_copy(update={"since": date(2020, 1, 1), "value": None}))}
    )
    law = Parameters({"x.y": ended})
    assert law.value("x.y", date(2019, 12, 31)) == 1
    with pytest.raises(ParameterError):
        law.value("x.y", date(2020, 1, 1))
