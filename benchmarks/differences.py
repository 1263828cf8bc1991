"""How often the intervals of paired differences hold, where the difference is known in closed form.

    python benchmarks/differences.py [repeats]

Two layers T and T' = T + noise of one label, normal variables or a threshold of one; the truth is a formula, or the
same estimator on 200 000 samples where its own cells are what is measured.
"""

import sys

import numpy as np

import infoplane as ip


def normal(n, random):
    y = random.normal(size=n)
    early = y + random.normal(size=n)
    return y, early, early + random.normal(size=n)


def threshold(n, random):
    y, early, late = normal(n, random)
    return (y > 0).astype(int), early, late


def unrelated(n, random):
    return random.integers(0, 2, n), random.normal(size=n), random.normal(size=n)


BINS = {"rule": "fixed", "bins": 8, "low": -3, "high": 3}
GIVEN = 0.5 * np.log2(2) - 0.5 * np.log2(1.5)
CASES = (
    # task, estimator, options, samples, truth (None: from many samples)
    (normal, "gaussian", {}, 300, GIVEN),
    (normal, "gaussian-copula", {}, 300, GIVEN),
    (normal, "ksg", {}, 300, GIVEN),
    (normal, "ksg", {}, 1000, GIVEN),
    (threshold, "binned", {"bins": BINS}, 500, None),
    (threshold, "binned", {"bins": BINS}, 2000, None),
    (threshold, "kde", {}, 500, None),
    (unrelated, "binned", {"bins": BINS}, 500, 0.0),
    (unrelated, "gaussian", {}, 300, 0.0),
    (unrelated, "ksg", {}, 300, 0.0),
)


def pair(task, n, seed, estimator, options, **more):
    y, *layers = task(n, np.random.default_rng(seed))
    return [ip.mutual_information(t, y, estimator=estimator, **options, **more) for t in layers]


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(
        "| task | estimator | n | truth [bits] | holds | width | width of both apart |\n|---|---|---|---|---|---|---|"
    )
    for task, estimator, options, n, truth in CASES:
        if truth is None:
            many = 200_000 if estimator == "binned" else 10_000
            known = [each.value for each in pair(task, many, 10**6, estimator, options)]
            truth = known[0] - known[1]
        held, widths, apart = 0, [], []
        for seed in range(repeats):
            a, b = pair(task, n, seed, estimator, options, keep_terms=True)
            lost = ip.difference(a, b)
            if lost.low is None:
                continue
            held += lost.low <= truth <= lost.high
            widths.append(lost.high - lost.low)
            if a.low is not None and b.low is not None:
                apart.append(np.hypot(a.high - a.low, b.high - b.low))
        share = f"{held / len(widths):.3f} of {len(widths)}" if widths else "red"
        print(
            f"| {task.__name__} | `{estimator}` | {n} | {truth:.3f} | {share} | {np.mean(widths):.3f} | "
            f"{np.mean(apart):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
