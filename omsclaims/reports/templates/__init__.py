"""How do values get into a page without becoming markup? The one Jinja environment, with escaping always on."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from omsclaims import messages
from omsclaims.money import show_amount


def t(key: str, lang: str, **params: object) -> str:
    """A text of this room: `reports.<key>`."""
    return messages.text(f"reports.{key}", lang, **params)


def roubles(kopecks: int | None, lang: str) -> str:
    """An amount with spaces that do not break; a dash where there is none, a real minus sign."""
    return "–" if kopecks is None else show_amount(int(kopecks), lang).replace("-", "−")


def number(value: int | None, lang: str) -> str:
    """A whole number in groups of three that do not break."""
    if value is None:
        return "–"
    text = f"{int(value):,}".replace("-", "−")
    return text.replace(",", "\u00a0") if lang == "ru" else text


@cache
def _environment(lang: str) -> Environment:
    """Escaping is on for every template; a variable that is not given is an error."""
    made = Environment(
        loader=PackageLoader("omsclaims.reports", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.globals["lang"] = lang
    made.globals["t"] = lambda key, **params: t(key, lang, **params)
    made.filters["roubles"] = lambda kopecks: roubles(kopecks, lang)
    made.filters["number"] = lambda value: number(value, lang)
    made.globals["style"] = Markup(_css())  # noqa: S704 - our own file, no data in it
    return made


@cache
def _css() -> str:
    from importlib import resources

    return (resources.files(__package__) / "style.css").read_text(encoding="utf-8")


def render(name: str, lang: str, **values: object) -> str:
    """A template of this folder with `values`, every one of them escaped unless it is Markup made here."""
    return _environment(lang).get_template(name).render(**values)
