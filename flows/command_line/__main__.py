"""`python -m flows.command_line` is `moderato`."""

from flows.command_line import main

main()
