"""A picture inside the HTML of a table."""

import base64
import re

from infoplane.plotting import inline_picture
from infoplane.trajectory.trajectory import Trajectory, concat


def test_the_picture_is_a_png_inside_the_page(make):
    found = re.fullmatch(r'<img alt="Information plane" width="\d+" src="data:image/png;base64,([\w+/=]+)">',
                         inline_picture(make(layers=("<script>",)).to_pandas()))  # fmt: skip
    assert base64.b64decode(found[1]).startswith(b"\x89PNG")


def test_where_there_is_none_it_says_why(make):
    assert inline_picture(Trajectory().to_pandas()).startswith("<p>no picture: the table has no rows")
    assert "both i_xt and i_ty" in inline_picture(make(i_ty=None).to_pandas())
    assert "&lt;b&gt;" in inline_picture(concat([make(), make(units="<b>")]).to_pandas())
