"""The papers that more than one claim is from, as its page lists them."""

from __future__ import annotations

GOLDFELD_2019 = "Goldfeld et al. (2019), Estimating information flow in deep neural networks, ICML, arXiv:1810.05728"
NOTHNAGEL_2026 = "Nothnagel and Geiger (2026), Information plane analysis of binary neural networks, arXiv:2605.03636"
SAXE_2018 = "Saxe et al. (2018), On the information bottleneck theory of deep learning, ICLR"
