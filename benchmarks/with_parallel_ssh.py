"""parallel-ssh does one command on many hosts, so many times; prints the seconds of the last."""

import sys
import time

from pssh.clients import ParallelSSHClient  # type: ignore[import-not-found]

times, user, key, port, _, *addresses = sys.argv[1:]
client = ParallelSSHClient(addresses, user=user, pkey=key, port=int(port), pool_size=100, num_retries=3)
for _time in range(int(times)):
    began = time.perf_counter()
    for answer in client.run_command("true"):
        list(answer.stdout)
    client.join()
print(time.perf_counter() - began)
