"""What an estimator finds -> the same with its light: the one rule for every estimator.

An estimator says in ``amounts``, as far as it can, what samples of this size show where nothing is shared: ``null``,
what they show on average (by shuffled labels or a closed form), and ``chance``, what they show at most, about once in a
thousand times. A number is red where one of its flags is, which these two can raise; else it has the light that the
estimator gave it, if no flag is worse; and where it gave none, amber.
"""

from __future__ import annotations

from dataclasses import replace

from infoplane.flags import NULL_EXCEEDS_HALF, WITHIN_CHANCE, lit, named
from infoplane.types import NATS_PER, Information

#: A number below these bits claims next to nothing, and is not doubted for being chance.
NEGLIGIBLE = 0.05
#: Standard errors that chance stays within, one-sided, in 999 of 1000 cases.
CHANCE_ERRORS = 3.1


def is_mostly_null(nats: float, null: float) -> bool:
    """Whether more than half of a number that claims something is its null."""
    return null > nats / 2 and nats > NEGLIGIBLE * NATS_PER["bits"]


def judged(information: Information) -> Information:
    """The information with its light, and the doubts that its null and chance raise."""
    null, chance = information.amounts.get("null"), information.amounts.get("chance")
    flags = tuple(map(named, information.flags))  # an estimator of one's own may give names
    if isinstance(null, float) and is_mostly_null(information.value, null) and NULL_EXCEEDS_HALF not in flags:
        flags = (*flags, NULL_EXCEEDS_HALF)
    if isinstance(chance, float) and NEGLIGIBLE * NATS_PER["bits"] < information.value <= chance:
        flags = (*flags, WITHIN_CHANCE)
    return replace(information, flags=lit(flags))
