"""Layers and bytes of a pull, counted from messages as dockerd writes them."""

from ozwald.execution.pulls import PullCount, PullCounter
from ozwald.remote.engine import PullProgress


def counted(*messages: tuple[str, str] | tuple[str, str, int, int]) -> PullCounter:
    """A counter that has been told (layer, status) or (layer, status, bytes, total)."""
    counter = PullCounter()
    for layer, status, *sizes in messages:
        current, total = sizes or (None, None)
        counter.add(PullProgress(image="x:1", status=status, layer=layer, current_bytes=current, total_bytes=total))
    return counter


def test_layers_and_bytes_add_up() -> None:
    counter = counted(
        ("1", "Pulling from t/two"),
        ("a", "Already exists"),
        ("b", "Pulling fs layer"),
        ("c", "Pulling fs layer"),
        ("c", "Waiting"),
        ("b", "Downloading", 300, 1000),
    )

    assert counter.count == PullCount(layers=3, layers_done=1, layers_present=1, got_bytes=300, total_bytes=1000)


def test_a_layer_is_whole_once_it_was_fetched_and_done_once_it_was_unpacked() -> None:
    fetched = counted(("b", "Downloading", 300, 1000), ("b", "Download complete"), ("b", "Extracting", 32, 1000))
    assert (fetched.count.got_bytes, fetched.count.layers_done) == (1000, 0)

    fetched.add(PullProgress(image="x:1", status="Pull complete", layer="b"))
    assert (fetched.count.got_bytes, fetched.count.layers_done) == (1000, 1)


def test_a_retry_is_told_and_goes_on_where_it_broke_off() -> None:
    counter = counted(("b", "Downloading", 500, 900), ("b", "Retrying in 5 seconds"))
    assert str(counter.count) == "500 B of 900 B, 0 of 1 layers, retrying in 5 seconds"

    counter.add(PullProgress(image="x:1", status="Downloading", layer="b", current_bytes=30, total_bytes=376))
    assert str(counter.count) == "554 B of 900 B, 0 of 1 layers"


def test_a_retry_from_the_beginning_counts_from_the_beginning() -> None:
    counter = counted(("b", "Downloading", 500, 1000), ("b", "Retrying in 1 second"), ("b", "Downloading", 10, 1000))

    assert counter.count.got_bytes == 10


def test_a_layer_whose_size_was_never_told_counts_as_a_layer_only() -> None:
    counter = counted(("b", "Pulling fs layer"), ("b", "Downloading", 5, -1), ("b", "Pull complete"))

    assert str(counter.count) == "1 of 1 layers"


def test_the_digest_is_kept() -> None:
    assert counted(("", "Digest: sha256:abc"), ("", "Status: Image is up to date for x:1")).digest == "sha256:abc"
