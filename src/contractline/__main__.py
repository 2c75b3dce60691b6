"""``python -m contractline``: the command line without its script."""

from contractline.cli import main

main()
