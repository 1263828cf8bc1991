"""The report's four experiments, whole, as the table of docs/benchmarks.md: python benchmarks/four_experiments.py"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import platform

import infoplane as ip

REPORT_SECONDS = {
    "warm-up": None,
    "six-layer": 11 * 60 + 46,
    "complicated": 2 * 60 + 31,
    "conv": 4 * 3600 + 44 * 60 + 41,
}


def main() -> None:
    print(
        f"<!-- python {platform.python_version()}, one thread, {platform.machine()}, {os.cpu_count()} cores, seed 0 -->"
    )
    print("| experiment | data | copies | steps | seconds (report) | last layer: I(X;T) | I(T;Y) [bits] |")
    print("|---|---|---|---|---|---|---|")
    for name in ip.experiments.names():
        experiment = ip.experiments.load(name)
        result = experiment.run(progress=False)
        last = result.trajectory.last()[-1]
        then = REPORT_SECONDS[name]
        print(
            f"| `{name}` | {experiment.data().name} | {result.family.copies} | {result.steps} "
            f"| {result.seconds:.1f} ({then or 'not given'}) | {last['i_xt']:.2f} | {last['i_ty']:.2f} |"
        )


if __name__ == "__main__":
    main()
