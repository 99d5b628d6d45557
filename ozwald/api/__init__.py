"""The HTTP API: a Bottle application that reads and writes state only, and the server in front of it."""
