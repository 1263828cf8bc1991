"""``python -m infoplane.cli``."""

from infoplane.cli import main

main()
