"""`python -m caloron_actors`."""

from caloron_actors.cli import main

if __name__ == "__main__":
    main()
