"""What the flags of an estimate say, in words."""

from __future__ import annotations

#: A flag and what it says of the row; ``green`` says nothing and is left out.
FLAG_WORDS = {
    "red": "the sample rather than the network set this number",
    "amber": "more samples could change this number",
    "saturated": "nearly every sample has a symbol of its own: more samples would raise the number",
    "undersampled": "too few samples for so many occupied cells",
    "copies-differ": "the copies differ on nearly every input: H(T|X) is near log2 J",
    "outside-bins": "values lie outside the range of the bins and count as the outermost ones",
    "constant-units": "units that have one value over all samples",
    "nonfinite": "rows with NaN or infinity were dropped or counted as one cell",
    "above-ceiling": "more than the largest value there can be",
    "above-log-n": "more than log2 N, the most that N samples can show",
    "above-h-y": "more about the label than the label holds",
    "below-floor": "less about the label than the network's own decision: the bins are too coarse",
    "data-processing": "more about the label than the layer before, which cannot be",
    "negative": "below zero: an estimate of little or nothing, with its bias",
    "null-exceeds-half": "shuffled labels give more than half of this number",
    "not-converged": "the number still changes with the number of samples, or its fit had not ended",
    "overfitted": "the estimate is worse on samples that it was not fitted to",
    "approximate-interval": "the interval is an approximation",
    "few-samples": "too few samples for so many units",
    "rank-deficient": "some units are sums of others",
    "noiseless": "the layer follows from the input without noise, so that the true value is infinite or log2 N",
    "ties": "many distances are equal, which neighbours cannot tell apart",
    "lone-samples": "samples that have no neighbour",
    "lossy": "what was compressed is not all that the layer holds",
}


def in_words(flag: str) -> str:
    """What a flag says; an empty text for one that is not known here."""
    return FLAG_WORDS.get(flag, "")
