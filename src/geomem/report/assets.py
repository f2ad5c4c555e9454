"""What every page carries inside it: styles, scripts, and the templates that are filled in."""

from __future__ import annotations

import base64
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

INLINE_CSV_LIMIT = 400_000
"""Bytes of one CSV a page carries inside; larger ones stay in the run directory only."""


def render(template: str, *, live_maps: bool = False, **values: object) -> str:
    """Fill in a template; every value is escaped unless it is Markup. `live_maps` puts plotly.js inside, once."""
    environment = Environment(
        loader=PackageLoader("geomem.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        style=Markup(_style()),
        script=Markup(_script(_asset("page.js"))),
        plotly=Markup(_script(_plotly())) if live_maps else "",
        map_script=Markup(_script(_asset("map.js"))),
        version=_version(),
        **values,
    )


def csv_uri(text: str) -> str:
    """Return CSV as a `data:` address, or '' when it is too large for a page one mails."""
    data = text.encode()
    if len(data) > INLINE_CSV_LIMIT:
        return ""
    return "data:text/csv;charset=utf-8;base64," + base64.b64encode(data).decode()


def _asset(name: str) -> str:
    return files("geomem.report").joinpath("templates", name).read_text(encoding="utf-8")


def _style() -> str:
    return _asset("style.css").replace("@@DARK@@", _asset("dark.css"))


@cache
def _plotly() -> str:
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


def _script(text: str) -> str:
    """Keep a script from ending early at a '</script' in one of its strings."""
    return text.replace("</script", "<\\/script")


def _version() -> str:
    try:
        return version("geomem")
    except PackageNotFoundError:
        return "(not installed)"
