"""`python -m tests.api.stand FOLDER SERVICES`: serves many services, prints the port and stays."""

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from ozwald.api.server import ApiServer
from ozwald.api.waiting import WaitingRoom
from ozwald.model.active import Status
from tests.api.calling import CHAT, KEY, Api
from tests.builders import key


def main() -> None:
    folder, services = Path(sys.argv[1]), int(sys.argv[2])
    api = Api(folder / "home", waiting=WaitingRoom(most=0))  # whoever asks for anything is not to wait for events
    many = tuple(replace(CHAT, key=key(f"s{number}")) for number in range(services - services // 2))
    gone = tuple(
        replace(CHAT, key=key(f"t{number}"), host="box2", status=Status.UNREACHABLE, reason="box2 does not answer")
        for number in range(services // 2)
    )
    server = ApiServer(api.app, host="127.0.0.1", port=0, key=KEY.encode())
    threading.Thread(target=server.run, daemon=True).start()
    print(server.port, flush=True)
    for number in range(1, sys.maxsize):
        # As the loop does: a pass every five seconds, each with something new to show.
        view = replace(api.view, number=number, at=time.monotonic(), services=many + gone)
        api.board.publish(view)
        time.sleep(5)


if __name__ == "__main__":
    main()
