"""Makes containers ours that another controller left."""

import time
from collections.abc import Callable, Mapping, Sequence

from ozwald.errors import RequestError
from ozwald.execution.intent import store
from ozwald.model.history import Author
from ozwald.model.realm import Realm
from ozwald.model.wanted import WantedSet
from ozwald.planning.adoption import Candidate, judged, with_adopted
from ozwald.planning.situation import Situation
from ozwald.state.home import DataFolder
from ozwald.state.wanted import changing_wanted, read_wanted


def adopt(
    chosen: Sequence[Candidate],
    *,
    realms: Mapping[str, Realm],
    situation: Situation,
    home: DataFolder,
    provisioner: str,
    author: Author,
    now: Callable[[], float] = time.time,
) -> WantedSet:
    """Writes down that these are ours and wanted where they are; nothing on a host is changed.

    Raises:
        RequestError: one cannot be adopted any more, since another process has changed what is wanted.
        StateError: it cannot be written.
    """
    # No host is locked: who changes one at this moment has seen a stranger's container, and leaves it alone.
    with home.changing(()), changing_wanted(home, provisioner) as path:
        stored = read_wanted(path)
        for one in judged(chosen, stored, realms, situation):
            if one.refusal:
                raise RequestError(f"nothing was adopted: {one.refusal}")
        wanted = with_adopted(stored, chosen)
        store(wanted, stored, home=home, provisioner=provisioner, author=author, at=now())
    return wanted
