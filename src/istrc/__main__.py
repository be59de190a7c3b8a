"""`python -m istrc` is `istrc`."""

from istrc.cli import main

# The guard is for `istrc prepare`, whose worker processes import this module again.
if __name__ == "__main__":
    main()
