"""`python -m streams …` is `tidegate …`."""

from streams.cli import main

if __name__ == "__main__":
    main()
