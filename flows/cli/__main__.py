"""`python -m flows.cli` is `moderato`."""

from flows.cli import main

main()
