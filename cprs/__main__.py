"""`python -m cprs` is the `cprs` command."""

from cprs.cli import main

if __name__ == "__main__":
    main()
