"""What every test may use: the lab's fixtures, and a Ctrl-C that arrives."""

import signal

pytest_plugins = ["tests.lab.plugin"]

# A shell starts what it puts into the background with SIGINT ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
