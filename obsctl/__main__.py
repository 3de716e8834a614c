"""``python -m obsctl``."""

from obsctl.cli.app import main

main()
