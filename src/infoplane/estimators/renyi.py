"""The matrix-based Renyi entropy: the eigenvalues of a normalised kernel matrix in the place of probabilities.

With K the kernel matrix of n samples, K_ii = 1, and A = K / n,

    S_a(A) = log(sum of eigenvalues^a) / (1 - a),    S_a(A, B) = S_a(n A o B) with o the product entry by entry
    I_a(A; B) = S_a(A) + S_a(B) - S_a(A, B)

Activations and continuous labels: K_ij = exp(-d_ij^2 / 2 s^2) of width s, or the cosine of the rows. Classes: K_ij = 1
within a class and 0 otherwise, so that S_a(B) is the Renyi entropy of the class shares. Nats. It is no Shannon
information and does not vanish for independent samples: never without the value on shuffled labels, its null.

Sanchez Giraldo, Rao, Principe (2015), IEEE Trans. Inf. Theory 61, 535, for S_a(A) and the joint;
Wickstrom et al. (2019), arXiv:1909.11396, for layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError, NonFiniteError, UnknownNameError
from infoplane.estimators.base import Estimator
from infoplane.estimators.compiled import compiled
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.counting.symbols import constant_units
from infoplane.estimators.distances.pairwise import doubts, shuffles, squared_distances, unit_rows
from infoplane.types import Information

KERNELS = ("gaussian", "cosine")
WIDTHS = ("silverman", "median")

_MOST_SAMPLES = 20_000  # the matrix takes 3.2 GB, its eigenvalues most of an hour
_ROWS = 64  # whose entries are squared at a time
_MEDIAN_OF = 2000  # samples, evenly spaced, whose distances give the median


@dataclass(frozen=True)
class KernelMatrix:
    """A layer's kernel matrix (samples, samples), K_ii = 1, its width and its entropy in nats."""

    kernel: Tensor
    width: float | None
    entropy: float
    constant_units: int
    zero_rows: int


@final
class Renyi(Estimator):
    """Matrix-based Renyi mutual information of order ``alpha``, beside its value on shuffled labels.

    For kernel entropies as they were published for layers; never without its null, since independent variables do
    not give 0.

    ``kernel``: ``"gaussian"``, or ``"cosine"`` of the rows (a row of zeros is like other such rows only).
    ``kernel_width`` of the Gaussian: a number s, or a rule: ``"silverman"`` (default), s = sqrt(sum of the units'
    variances) n^(-1 / (4 + units)), or ``"median"``, that of the distances over sqrt(2). Numbers of x and a continuous
    y get their width by the same rule. ``null`` is the number of shuffles, drawn from ``seed``; ``details["null"]`` is
    their mean: the value itself where every label is another, and None of I(X;T) where every input is. ``alpha`` 1 is
    the limit, von Neumann's entropy.

    Time is samples^3, once for the layer and within each class for a label, 1 + ``null`` times for numbers of x and a
    continuous y; where ``alpha`` is 2 it is samples^2. Memory samples^2.

    Raises:
        InputError: options out of range, or more than 20 000 samples.
        NonFiniteError: distances overflow or vanish.

    Example:
        >>> import infoplane as ip, numpy as np
        >>> t, y = np.repeat(np.eye(2), 50, axis=0), np.repeat([0, 1], 50)
        >>> round(ip.mutual_information(t, y, estimator="renyi", kernel="cosine").value, 6)
        1.0
    """

    name: ClassVar[str] = "renyi"
    continuous: ClassVar[bool] = True

    def __init__(
        self,
        alpha: float = 1.01,
        kernel_width: float | Literal["silverman", "median"] = "silverman",
        kernel: str = "gaussian",
        null: int = 3,
        seed: int = 0,
    ) -> None:
        if not (isinstance(alpha, int | float | np.number) and math.isfinite(alpha) and alpha > 0):
            raise InputError(f"alpha must be a positive number, got {alpha!r}: for example alpha=1.01")
        if isinstance(kernel_width, str) and kernel_width not in WIDTHS:
            raise UnknownNameError("kernel width rule", kernel_width, WIDTHS)
        if not isinstance(kernel_width, str) and not (math.isfinite(kernel_width) and kernel_width > 0):
            raise InputError(f"kernel_width must be a positive number or {' or '.join(WIDTHS)}, got {kernel_width!r}")
        if kernel not in KERNELS:
            raise UnknownNameError("kernel", kernel, KERNELS)
        if isinstance(null, bool) or not isinstance(null, int | np.integer) or null < 0:
            raise InputError(f"null must be a number of shuffles, got {null!r}: for example null=3")
        self.alpha = alpha
        self.kernel_width = kernel_width
        self.kernel = kernel
        self.null = null
        self.seed = seed

    @property
    def measurement(self) -> str:
        if self.kernel == "cosine":
            return f"matrix Renyi entropy of order {self.alpha:g}, cosine kernel"
        rule = f"{self.kernel_width} width" if isinstance(self.kernel_width, str) else f"width {self.kernel_width:g}"
        return f"matrix Renyi entropy of order {self.alpha:g}, Gaussian kernel of {rule}"

    def prepare(self, t: Tensor) -> KernelMatrix:
        if len(t) > _MOST_SAMPLES:
            raise InputError(
                f"renyi takes eigenvalues of a {len(t)} x {len(t)} matrix ({8 * len(t) ** 2 / 1e9:.1f} GB): "
                f"pass at most {_MOST_SAMPLES} samples, for example t[:5000], y[:5000]"
            )
        kernel, width = self._kernel(t)
        zero_rows = int((t == 0).all(1).sum()) if self.kernel == "cosine" else 0
        return KernelMatrix(kernel, width, self._entropy(kernel), int(constant_units(t[None])), zero_rows)

    def with_input(self, prepared: KernelMatrix, x: Variable) -> Information:
        return self._information(prepared, x, "h_x")

    def with_label(self, prepared: KernelMatrix, y: Variable) -> Information:
        return self._information(prepared, y, "h_y")

    def _kernel(self, t: Tensor) -> tuple[Tensor, float | None]:
        """(samples, samples) float64 with ones on the diagonal, and the width of a Gaussian."""
        if self.kernel == "cosine":
            return cosine_kernel(t), None
        distances = squared_distances(t)
        if not 0 < float(distances.max()) < math.inf and int(constant_units(t[None])) < t.shape[1]:
            largest = float(t.abs().max())
            raise NonFiniteError(
                f"distances overflow or vanish with activations up to {largest:g}: divide the layer by its scale"
            )
        width = self._width(t, distances) if isinstance(self.kernel_width, str) else float(self.kernel_width)
        return distances.mul_(-0.5 / width**2).exp_(), width

    def _width(self, t: Tensor, distances: Tensor) -> float:
        """By the rule; 1 where all rows are alike and none matters."""
        n, units = t.shape
        if int(constant_units(t[None])) == units:
            return 1.0
        if self.kernel_width == "silverman":  # the mean over all pairs is twice the sum of the variances
            width = math.sqrt(float(distances.mean()) / 2) * n ** (-1 / (4 + units))
        else:
            some = torch.linspace(0, n - 1, min(n, _MEDIAN_OF), device=t.device).round().to(torch.int64)
            among = distances[some][:, some]
            upper = torch.ones_like(among, dtype=torch.bool).triu(1)
            width = math.sqrt(float(among[upper].median()) / 2)
        return width if width > 0 else 1.0

    def _entropy(self, kernel: Tensor) -> float:
        if self.alpha == 2:  # the sum of the squared eigenvalues is that of the squared entries
            return -math.log(_squares(kernel.split(_ROWS)) / len(kernel) ** 2)
        return renyi_entropy(torch.linalg.eigvalsh(kernel) / len(kernel), self.alpha)

    def _joint(self, kernel: Tensor, other: Ids | Tensor) -> float:
        """S(A, B) with classes or with another kernel matrix."""
        n = len(kernel)
        if isinstance(other, Ids):
            if self.alpha == 2:
                return -math.log(class_squares(kernel, other) / n**2)
            return renyi_entropy(class_eigenvalues(kernel, other), self.alpha)
        if self.alpha == 2:
            rows = zip(kernel.split(_ROWS), other.split(_ROWS), strict=True)
            return -math.log(_squares(mine * theirs for mine, theirs in rows) / n**2)
        return self._entropy(kernel * other)

    def _information(self, prepared: KernelMatrix, other: Variable, own: str) -> Information:
        """I(A;B); ``own`` is the name of B's entropy."""
        n, constant, zero_rows = len(prepared.kernel), prepared.constant_units, prepared.zero_rows
        matrix: Ids | Tensor
        if other.numbers is None:
            matrix = other.classes()
            entropy = renyi_entropy(matrix.counts.to(torch.float64) / n, self.alpha)
        else:
            matrix, entropy = self._of_numbers(other, prepared.kernel.device)
        joint = self._joint(prepared.kernel, matrix)
        value = prepared.entropy + entropy - joint
        null = self._null(prepared, matrix, entropy)
        if null is None and own == "h_y" and self.null:  # every label is another, and any order of them gives the same
            null = value
        return Information(
            value,
            n,
            "empirical",
            flags=doubts(constant_units=constant, zero_rows=zero_rows),
            amounts={"null": null, "h_t": prepared.entropy, own: entropy, "joint": joint, "log_n": math.log(n)},
            facts={"kernel_width": prepared.width, "constant_units": constant, "zero_rows": zero_rows},
        )

    def _of_numbers(self, other: Variable, device: torch.device) -> tuple[Tensor, float]:
        """Kernel matrix and entropy of a variable of numbers."""

        def compute() -> tuple[Tensor, float]:
            kernel = self._kernel(other.values().to(device))[0]
            return kernel, self._entropy(kernel)

        return other.derived((self.name, self.alpha, self.kernel, self.kernel_width, device), compute)

    def _null(self, prepared: KernelMatrix, matrix: Ids | Tensor, entropy: float) -> float | None:
        """The mean over shuffled labels; None without shuffles, or where no order of the labels differs."""
        kernel, n = prepared.kernel, len(prepared.kernel)
        if self.null == 0 or (isinstance(matrix, Ids) and matrix.count == n):
            return None
        total = 0.0
        if isinstance(matrix, Ids):
            for labels in shuffles(matrix, self.null, self.seed):
                total += self._joint(kernel, labels)
        else:
            everyone = Ids(torch.arange(n, device=kernel.device), torch.ones(n, dtype=torch.int64))
            for order in shuffles(everyone, self.null, self.seed):
                total += self._joint(kernel, matrix[order.ids][:, order.ids])
        return prepared.entropy + entropy - total / self.null


def cosine_kernel(t: Tensor) -> Tensor:
    """Cosines of all pairs of rows (samples, samples) float64; rows of zeros are like each other and no other."""
    rows = unit_rows(t)
    zero = (rows == 0).all(1, keepdim=True)
    kernel = rows @ rows.T
    kernel += (zero & zero.T).to(torch.float64)
    return kernel.fill_diagonal_(1.0)


def class_blocks(kernel: Tensor, labels: Ids) -> Iterator[Tensor]:
    """K o B for the kernel of classes B: for every size of them the blocks (classes, size, size) that are left."""
    order = labels.ids.argsort(stable=True)
    counts = labels.counts.to(order.device)
    begin = counts.cumsum(0) - counts
    for size in labels.counts.unique().tolist():
        starts = begin[counts == size]
        members = order[starts[:, None] + torch.arange(size, device=order.device)]  # (classes, size)
        yield kernel[members[:, :, None], members[:, None, :]]


def class_eigenvalues(kernel: Tensor, labels: Ids) -> Tensor:
    """Eigenvalues of K o B / n for the kernel of classes B (samples,)."""
    return torch.cat([torch.linalg.eigvalsh(blocks).flatten() for blocks in class_blocks(kernel, labels)]) / len(kernel)


def class_squares(kernel: Tensor, labels: Ids) -> float:
    """The sum of the squared entries of K o B for the kernel of classes B."""
    if kernel.device.type != "cpu":
        return _squares(class_blocks(kernel, labels))
    return float(_sum_squares(kernel.numpy(), labels.ids.argsort(stable=True).numpy(), labels.counts.numpy()))


@compiled(nogil=True)
def _sum_squares(kernel, order, sizes):  # type: ignore[no-untyped-def]
    """``class_squares``; ``order`` numbers the members of one class after the other."""
    total, start = 0.0, 0
    for size in sizes:
        members = order[start : start + size]
        for one in members:
            row, squares = kernel[one], 0.0
            for other in members:
                squares += row[other] ** 2
            total += squares
        start += size
    return total


def _squares(parts: Iterable[Tensor]) -> float:
    """The sum of the squared entries of all parts."""
    return float(sum(part.flatten() @ part.flatten() for part in parts))


def renyi_entropy(eigenvalues: Tensor, alpha: float) -> float:
    """log(sum of eigenvalues^alpha) / (1 - alpha) in nats, Shannon's at 1; what is only rounding counts as zero.

    >>> round(renyi_entropy(torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64), 2.0), 6)  # -log(3 / 8)
    0.980829
    """
    least = len(eigenvalues) * torch.finfo(eigenvalues.dtype).eps * eigenvalues.max()
    kept = eigenvalues[eigenvalues > least]
    if alpha == 1:
        return float(-(kept * kept.log()).sum())
    return float((kept**alpha).sum().log()) / (1 - alpha)
