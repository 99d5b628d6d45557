"""The controller: a loop that keeps what was asked for running, and the life of its process."""
