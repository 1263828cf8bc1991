"""Many runs of an experiment: a plan, an engine that spreads it over processes or machines, and one table.

Nothing is imported here, so that a worker that only hands runs on stays small.
"""
