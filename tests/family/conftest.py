"""The networks and devices of the neighbouring folder."""

from ..networks.conftest import _fixed_random_state, device, noisy, pictures

__all__ = ["_fixed_random_state", "device", "noisy", "pictures"]
