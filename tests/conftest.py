"""What every test may use: the lab's fixtures."""

pytest_plugins = ["tests.lab.plugin"]
