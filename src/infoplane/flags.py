"""Every flag that can stand beside a number: its name, what it says in words, and what it does to the light.

A flag is a string, so that ``"saturated" in estimate.flags``, CSV and JSON need to know nothing else. One that is not
registered here cannot be raised; one that another version wrote can be read.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Literal, final

from infoplane.errors import InputError, UnknownNameError

#: What a flag does to the light of a number: it is the light itself or turns it that way, or it is only a note.
Light = Literal["red", "amber", "green", "note"]

#: The traffic lights themselves, the worst one first.
LIGHTS = ("red", "amber", "green")


@final
class Flag(str):
    """The name of a flag, which also carries its ``words`` (a sentence: what it means, what to type) and its ``light``.

    Example:
        >>> SATURATED == "saturated", SATURATED.light
        (True, 'red')
    """

    words: str
    light: Light

    def __new__(cls, name: str, words: str, light: Light = "note") -> Flag:
        flag = super().__new__(cls, name)
        flag.words, flag.light = words, light
        return flag

    def __getnewargs__(self) -> tuple[str, str, Light]:  # type: ignore[override]  # copies keep words and light
        return str(self), self.words, self.light


#: Every registered flag by its name.
FLAGS: dict[str, Flag] = {}


def register(name: str, words: str, light: Light = "note") -> Flag:
    """A new flag, which estimates can raise from now on; for an estimator of your own as well.

    Args:
        name: Short words joined with ``-``; it becomes part of a cell of a table.
        words: One plain sentence: what the flag means, and what to type.
        light: ``"red"`` where the number is in doubt by this flag alone, ``"amber"`` where it is no longer green.

    Raises:
        InputError: the name is taken, or holds ``;``, which separates flags in a table; there are no words.
    """
    if name in FLAGS:
        raise InputError(f"the flag {name!r} is registered already: choose another name")
    if not name or ";" in name or not words:
        raise InputError(f"a flag needs a name without ';' and words that explain it, got {name!r} and {words!r}")
    FLAGS[name] = flag = Flag(name, words, light)
    return flag


def named(name: str) -> Flag:
    """The registered flag of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in FLAGS:
        raise UnknownNameError("flag", name, FLAGS)
    return FLAGS[name]


def read(name: str) -> Flag:
    """The flag of that name in a saved table; an unknown one, of another version, says so in its words."""
    return FLAGS.get(name) or Flag(
        name, f"This version of infoplane does not know the flag {name!r}: look it up in the version that wrote it."
    )


@functools.lru_cache(maxsize=1024)
def from_text(text: str) -> tuple[Flag, ...]:
    """Flags that stand in one cell of a table, joined with ``;``.

    Example:
        >>> from_text("red;saturated")
        ('red', 'saturated')
    """
    return tuple(map(read, text.split(";"))) if text else ()


def in_doubt(flags: Iterable[str]) -> bool:
    """Whether the sample rather than the network sets the number that has these flags.

    Example:
        >>> in_doubt(["amber", "negative"]), in_doubt(["saturated"])
        (False, True)
    """
    return any(read(flag).light == "red" for flag in flags)


def merged(*several: Iterable[Flag]) -> tuple[Flag, ...]:
    """The flags of several numbers, each once; of several traffic lights the worst, and first.

    Example:
        >>> merged([GREEN], [AMBER, NEGATIVE])
        ('amber', 'negative')
    """
    every = dict.fromkeys(flag for flags in several for flag in flags)
    worst = [FLAGS[light] for light in LIGHTS if light in every][:1]
    return (*worst, *(flag for flag in every if flag not in LIGHTS))


def lit(flags: Iterable[Flag]) -> tuple[Flag, ...]:
    """The flags with their light in front: red or amber where one of them says so, else the one that is there.

    Amber where there is none: what cannot tell whether its number holds is not green.

    Example:
        >>> lit([]), lit([SATURATED]), lit([GREEN, TIES]), lit([GREEN])
        (('amber',), ('red', 'saturated'), ('amber', 'ties'), ('green',))
    """
    flags = tuple(flags)
    lights = {flag.light for flag in flags}
    light = next((FLAGS[light] for light in LIGHTS if light in lights), AMBER)
    return merged([light], flags)


RED = register(
    "red",
    "The sample or the estimator rather than the network sets this number: the flags beside it say which, and what to "
    "type; where there are none, measure more samples, or use coarser bins, such as bins=10.",
    "red",
)
AMBER = register(
    "amber",
    "Direction and order can be trusted, the size only roughly: measure more samples, or hold other estimators against "
    "it with ip.compare.",
    "amber",
)
GREEN = register(
    "green",
    "There are enough samples for the occupied cells, at least 7 a cell and at most 2 % alone: there is nothing to do.",
    "green",
)

SATURATED = register(
    "saturated",
    "Nearly every sample stands alone, so that the number is near its ceiling whatever the network learned: use "
    "coarser bins (bins=10), more noise (noise=, noise_variance=), or estimator='soft'.",
    "red",
)
UNDERSAMPLED = register(
    "undersampled",
    "There are too few samples for so many occupied cells: measure more samples, fewer units, or use coarser bins "
    "(bins=10).",
    "red",
)
COPIES_DIFFER = register(
    "copies-differ",
    "The copies differ on nearly every input, so that H(T|X) is near log J, its ceiling for J copies: train more "
    "copies (copies=), or read each by itself (family='single').",
    "red",
)
OUTSIDE_BINS = register(
    "outside-bins",
    "Values lie outside the range of the bins and were counted in the outermost ones: use bins that follow the values, "
    "such as bins=30 or bins={'rule': 'fixed', 'outside': 'extend'}.",
    "amber",
)
CONSTANT_UNITS = register(
    "constant-units",
    "Some units have one value on all samples and add nothing (details['constant_units'] counts them): look for dead "
    "or saturated units.",
)
NONFINITE = register(
    "nonfinite",
    "The layer has rows with NaN or infinity, which were dropped, put into one cell or kept, as nonfinite= says: type "
    "nonfinite='error' to stop at the first.",
)
ZERO_ROWS = register(
    "zero-rows",
    "Some rows are zero in every unit and have no direction (details['zero_rows'] counts them): look for a dead layer, "
    "or use estimator='kde', which needs no direction.",
)
HALF_PRECISION = register(
    "half-precision",
    "The activations were in half precision, whose rounding rather than the network may decide which values are equal: "
    "measure the network in float32, model.float().",
    "amber",
)

ABOVE_CEILING = register(
    "above-ceiling",
    "The value is above H(Y) or log N, the most there can be, and so partly bias: measure more samples, or hold other "
    "estimators against it with ip.compare.",
    "amber",
)
ABOVE_LOG_N = register(
    "above-log-n",
    "I(X;T) is above log N, the most that N samples can show: measure more samples, or hold other estimators against "
    "it with ip.compare.",
    "amber",
)
ABOVE_H_X = register(
    "above-h-x",
    "I(X;T) is above H(X), all there is to know about inputs of which some are equal: measure more samples, or hold "
    "other estimators against it with ip.compare.",
    "amber",
)
ABOVE_H_Y = register(
    "above-h-y",
    "I(T;Y) is above H(Y), all there is to know about the label: measure more samples, or hold other estimators "
    "against it with ip.compare.",
    "amber",
)
LOG_N_CEILING = register(
    "log-n-ceiling",
    "The value is near the logarithm of the number of held-out samples, above which this bound cannot rise: measure "
    "more samples, or use estimator='smile'.",
    "amber",
)
BELOW_FLOOR = register(
    "below-floor",
    "The layer seems to know less about the label than the network's decision, which is made from it, so something is "
    "missed: use finer bins (bins=100), or another estimator.",
    "amber",
)
ABOVE_I_XT = register(
    "above-i-xt",
    "The layer seems to know more about the label than about the input, where it has the label from, so that one of "
    "the two numbers is off: hold other estimators against both with ip.compare.",
    "amber",
)
DATA_PROCESSING = register(
    "data-processing",
    "The layer is out of order: information never grows from layer to layer, and without this one (or one of two) the "
    "chain is in order: hold other estimators against it with ip.compare, unless a skip connection goes round it.",
    "amber",
)
NEGATIVE = register(
    "negative",
    "The value is below zero, which information never is: there is little or none, and the rest is error, which more "
    "samples make smaller.",
)

NULL_EXCEEDS_HALF = register(
    "null-exceeds-half",
    "Where nothing is shared, a sample of this size gives more than half of this number, so most of it is bias: "
    "measure more samples, or subtract the null, details['null'].",
    "red",
)
WITHIN_CHANCE = register(
    "within-chance",
    "As much comes up by chance where nothing is shared, up to details['chance'] in a sample of this size: measure "
    "more samples.",
    "red",
)
COARSE = register(
    "coarse",
    "One cell holds more than half of the samples, or the cells can tell no more than this, so that the bins hide what "
    "the layer knows: use bins that follow the values, bins='quantile', or finer ones, bins=100.",
    "amber",
)
NOISE_EXCEEDS_LAYER = register(
    "noise-exceeds-layer",
    "The noise is larger than the layer itself and hides it: use relative=True for kde, a smaller noise= or "
    "noise_variance=, or estimator='channel', whose noise follows the layer.",
    "red",
)
NOT_LEARNED = register(
    "not-learned",
    "The network predicts held-out samples no better than their shares do, so that this is no upper bound: raise "
    "steps=, measure more samples, or hold estimator='ksg' against it.",
    "red",
)
NOT_CONVERGED = register(
    "not-converged",
    "The number still changes as samples are added, or the fit of the probe had not ended: measure more samples, or "
    "raise penalty= for a probe.",
    "amber",
)
APPROXIMATE_INTERVAL = register(
    "approximate-interval",
    "The interval is widened by three times the distance of two corrections of the bias and holds only roughly: "
    "measure more samples.",
    "amber",
)
FEW_SAMPLES = register(
    "few-samples",
    "There are fewer samples than the estimator needs, 100 for neighbours and 10 a column for normal variables: "
    "measure more samples, or fewer units.",
    "red",
)
HIGH_DIMENSION = register(
    "high-dimension",
    "Both variables have more than 6 columns together, so that nearest neighbours are far away and the number is too "
    "low: use estimator='compressed'.",
    "amber",
)
RANK_DEFICIENT = register(
    "rank-deficient",
    "Some columns are linear functions of others and add nothing: measure more samples than there are units if that is "
    "the reason, or else ignore it.",
)
NOISELESS = register(
    "noiseless",
    "One variable follows from the other without noise, so that the true value is infinite and this number means "
    "nothing: declare a noise, estimator='noisy', or bins, estimator='binned'.",
    "red",
)
TIES = register(
    "ties",
    "Some samples are equal, which neighbours at distance 0 cannot tell apart: use estimator='mixed-ksg'.",
    "amber",
)
LONE_SAMPLES = register(
    "lone-samples",
    "Some samples are the only ones of their class and were left out (details['lone_samples'] counts them): merge rare "
    "classes, or cut a continuous label with y_bins=10.",
    "amber",
)
LOSSY = register(
    "lossy",
    "Compression lost more than a tenth of a variable's variance, with what information it held: raise dimensions=.",
    "amber",
)
RATE_NOT_REACHED = register(
    "rate-not-reached",
    "The layer has less than rate= bits about its input even at the highest level, of which this number is: ask for a "
    "lower rate.",
    "red",
)

ORDERED_SAMPLES = register(
    "ordered-samples",
    "Neighbouring rows are alike in layer and label, as in a series in time, which makes intervals too short and "
    "p-values too small (details['effective_n']): give groups=, such as blocks of rows, unless the order of the rows "
    "means nothing.",
    "amber",
)
GUESSED_CLASSES = register(
    "guessed-classes",
    "Many different whole numbers were taken for classes: declare continuous='y' where they are counts, cents or ages, "
    "or discrete='y' where they do number classes.",
    "red",
)

OVERFITTED = register(
    "overfitted",
    "The fit is much better on the samples it was trained on than on others, so that the value is too low: measure "
    "more samples, raise penalty=, or lower hidden=.",
    "amber",
)
DIVERGING = register(
    "diverging",
    "A few pairs of samples carry the mean of exponentials, so that the value is not to be trusted and may exceed the "
    "truth: use estimator='infonce' or 'smile'.",
    "red",
)
CLIPPED = register(
    "clipped",
    "More than half of the scores of true pairs lie beyond tau, so that clipping sets the value: raise tau=.",
    "amber",
)
