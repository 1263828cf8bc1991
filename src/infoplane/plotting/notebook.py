"""A picture inside a table's HTML, so that a notebook shows both."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infoplane.errors import InputError
from infoplane.plotting.plane import plane
from infoplane.plotting.style import picture

if TYPE_CHECKING:
    import pandas


def inline_picture(table: pandas.DataFrame, *, facts: Mapping[str, Any] | None = None) -> str:
    """The information plane of a table as an HTML ``img`` that needs no file, or why there is none.

    Example:
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> inline_picture(Trajectory().to_pandas())[:35]
        '<p>no picture: the table has no row'
    """
    try:
        figure = plane(table, facts=facts)
    except InputError as error:
        return f"<p>no picture: {html.escape(str(error))}</p>"
    width = round(96 * figure.get_size_inches()[0])
    content = base64.b64encode(picture(figure, dpi=120)).decode()
    return f'<img alt="Information plane" width="{width}" src="data:image/png;base64,{content}">'
