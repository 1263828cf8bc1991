"""The information curves of the layers of a network, or of each of its copies: held against each other."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from infoplane.companions.curve import Curve
from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.io.files import atomic_write, read_json, sealed

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

_FORMAT = "infoplane curves 1"


@final
class Curves(Mapping[str, Curve]):
    """Curves by layer, in the order of the network: the result of ``InformationPlane.curves``.

    Args:
        layers: By name a :class:`Curve`, or one for each copy of a family.

    Raises:
        InputError: no layer.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> random = np.random.default_rng(0)
        >>> y = random.integers(0, 2, 500)
        >>> wide = random.normal(size=(500, 3)) + 2.0 * y[:, None]
        >>> layers = {"first": wide, "last": wide[:, :1]}
        >>> curves = Curves({name: ip.information_curve(t, y) for name, t in layers.items()})
        >>> curves
        Curves(first, last)
        >>> bool(curves["first"].at_rate(1).value > 0.3)
        True
    """

    def __init__(self, layers: Mapping[str, Curve | Sequence[Curve]]) -> None:
        self._layers = {
            name: (each,) if isinstance(each, Curve) else tuple(each) for name, each in layers.items()
        }  # (copies,) by layer
        if not all(self._layers.values()) or not self._layers:
            raise InputError("there are no curves: give a table of them by layer")

    def __getitem__(self, layer: str) -> Curve:
        """The layer's curve; of several copies, the mean of each bound."""
        return Curve.mean(self.copies(layer))

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __repr__(self) -> str:
        copies = max(map(len, self._layers.values()))
        return f"Curves({', '.join(self._layers)}{f', {copies} copies' if copies > 1 else ''})"

    def copies(self, layer: str) -> tuple[Curve, ...]:
        """The curve of every copy."""
        if layer not in self._layers:
            raise UnknownNameError("layer", layer, self._layers)
        return self._layers[layer]

    def to_pandas(self) -> pandas.DataFrame:
        """A row for every layer, copy, level and label set."""
        import pandas

        tables = []
        for layer, copies in self._layers.items():
            for number, curve in enumerate(copies):
                table = curve.to_pandas()
                table.insert(0, "layer", layer)
                table.insert(1, "copy", number)
                tables.append(table)
        return pandas.concat(tables, ignore_index=True)

    def at_rate(self, bits: float, label: str | None = None) -> pandas.DataFrame:
        """I(T;Y) of every layer and copy where I(X;T) is so many bits; empty where a layer does not have so much."""
        import pandas

        rows = []
        for layer, copies in self._layers.items():
            for number, curve in enumerate(copies):
                row: dict[str, Any] = {"layer": layer, "copy": number, "rate": bits, "units": curve.units}
                try:
                    estimate = curve.at_rate(bits, label)
                except UnknownNameError:
                    raise
                except InputError as error:
                    rows.append(row | {"note": str(error)})
                    continue
                ends = {"i_ty": estimate.value, "i_ty_low": estimate.low, "i_ty_high": estimate.high}
                rows.append(row | ends | {"snr": estimate.details["snr"], "light": estimate.flags[0], "note": ""})
        names = ["layer", "copy", "rate", "i_ty", "i_ty_low", "i_ty_high", "snr", "light", "units", "note"]
        return pandas.DataFrame(rows).reindex(columns=names)

    def plot(
        self, *, rate: float | None = None, label: str | None = None, title: str | None = None, ax: Axes | None = None
    ) -> Any:
        """The curves in the plane (:func:`infoplane.plotting.information_curves`); or over depth at a rate.

        The bands of several copies hold all of them with their brackets.
        """
        from infoplane import plotting

        if rate is not None:
            return plotting.rate_profile(self.at_rate(rate, label), title=title, ax=ax)
        return plotting.information_curves(self._layers, label=label, title=title, ax=ax)

    def _repr_html_(self) -> str:
        from infoplane import plotting

        first = next(iter(self._layers.values()))[0]
        label = first.labels[0] if first.labels else None
        alt = f"Information curves of {', '.join(self)}"
        return plotting.inline(lambda: self.plot(label=label), alt) + f"<p>{html.escape(repr(self))}</p>"

    def save(self, path: str | Path) -> None:
        """Write all curves to a JSON file, from which :meth:`load` gives the same numbers."""
        layers = {name: [curve.record() for curve in copies] for name, copies in self._layers.items()}
        atomic_write(Path(path), sealed({"format": _FORMAT, "layers": layers}))

    @classmethod
    def load(cls, path: str | Path) -> Curves:
        """Read what :meth:`save` wrote.

        Raises:
            DataFileError: the file is missing, or holds no curves.
        """
        content = read_json(Path(path))
        layers = content.get("layers")
        if content.get("format") != _FORMAT or not isinstance(layers, dict) or not layers:
            raise DataFileError(f"{path} holds no saved curves: write them with Curves.save")
        if not all(isinstance(copies, list) and copies for copies in layers.values()):
            raise DataFileError(f"{path} has a layer without curves: write them with Curves.save")
        return cls({name: [Curve.from_record(each, str(path)) for each in copies] for name, copies in layers.items()})
