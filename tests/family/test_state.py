from __future__ import annotations

import pytest
import torch

from infoplane.errors import InputError
from infoplane.family.state import need_same_shapes, part_of


def test_parts_by_prefix() -> None:
    state = {"a.x": torch.zeros(1), "a.b.y": torch.zeros(2), "b.x": torch.zeros(3)}
    assert list(part_of(state, "a.")) == ["x", "b.y"]


def test_the_tensor_that_does_not_fit_is_named() -> None:
    one, two = {"w": torch.zeros(2, 3)}, {"w": torch.zeros(4, 3)}
    need_same_shapes(one, {"w": torch.ones(2, 3)}, "weights")
    with pytest.raises(InputError, match=r"weights 'w': got shape \(2, 3\), the family has shape \(4, 3\)"):
        need_same_shapes(one, two, "weights")
    with pytest.raises(InputError, match="weights 'w': got no such tensor"):
        need_same_shapes({}, two, "weights")
    with pytest.raises(InputError, match=r"weights 'w': .*the family has no such tensor"):
        need_same_shapes(one, {}, "weights")
