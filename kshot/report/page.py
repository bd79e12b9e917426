"""The page of a demonstration: handwriting that taught the device, and what it made of more of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jinja2
import numpy as np
import numpy.typing as npt

from kshot.report.pictures import data_uri
from kshot.report.tables import ReportTable

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("kshot.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, eq=False)
class Query:
    """One image that was asked about.

    Attributes
    ----------
    image : uint8 [height, width, channels]
    answer : str
        Label that the device gave.
    right : bool
    """

    image: npt.NDArray[np.uint8]
    answer: str
    right: bool


@dataclass(frozen=True, eq=False)
class ClassRow:
    """One class: the shots that taught it, and its queries.

    Attributes
    ----------
    label : str
    support : uint8 [k_shot, height, width, channels]
    queries : sequence of Query
    """

    label: str
    support: npt.NDArray[np.uint8]
    queries: Sequence[Query]


def demo_page(*, title: str, intro: str, classes: Sequence[ClassRow], tables: Sequence[ReportTable]) -> str:
    """Lay out a page of HTML that needs nothing beside itself.

    Parameters
    ----------
    title, intro : str
    classes : sequence of ClassRow
    tables : sequence of ReportTable
        Figures below the pictures.
    """
    return _ENVIRONMENT.get_template("demo.html.j2").render(
        title=title, intro=intro, classes=classes, tables=tables, picture=data_uri
    )
