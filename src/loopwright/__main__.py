"""`python -m loopwright` is the command line."""

from loopwright.surfaces.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
