"""`python -m ozwald`."""

from ozwald.cli.main import run

if __name__ == "__main__":
    run()
