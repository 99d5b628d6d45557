"""Host patterns in a small fleet; `test_patterns_corpus.py` compares many with Ansible itself."""

import pytest

from ozwald.errors import RequestError
from ozwald.planning.patterns import select
from tests.builders import inventory

FLEET = inventory(
    *("gpu1", "gpu2", "gpu3", "web0", "web1", "db.internal", "lonely", "b", "c", "fe80::1"),
    groups={
        "gpu": ("gpu1", "gpu2", "gpu3"),
        "web": ("web0", "web1", "gpu3"),
        "racks": ("gpu1", "web0", "gpu2", "web1"),
        "rack-a": ("gpu1", "web0"),
        "rack-b": ("gpu2", "web1"),
        "a": ("b", "c"),
        "empty": (),
    },
)


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", "gpu1 gpu2 gpu3 web0 web1 db.internal lonely b c fe80::1"),
        ("*", "gpu1 gpu2 gpu3 web0 web1 db.internal lonely b c fe80::1"),
        ("gpu1", "gpu1"),
        ("gpu", "gpu1 gpu2 gpu3"),
        ("racks", "gpu1 gpu2 web0 web1"),
        ("rack-*", "gpu1 gpu2 web0 web1"),
        ("web*", "gpu3 web0 web1"),
        ("*1", "gpu1 web1 fe80::1"),
        ("g?u2", "gpu2"),
        ("[gw]*", "gpu1 gpu2 gpu3 web0 web1"),
        ("gpu[!1]", "gpu2 gpu3"),
        ("db.internal", "db.internal"),
        ("db.*", "db.internal"),
        ("gpu1:web1", "gpu1 web1"),
        ("gpu,web", "gpu1 gpu2 gpu3 web0 web1"),
        (" gpu1 , web1 ", "gpu1 web1"),
        ("gpu:&web", "gpu3"),
        ("gpu:!web", "gpu1 gpu2"),
        ("gpu:!gpu1:&racks", "gpu2"),
        ("!gpu1:gpu", "gpu2 gpu3"),
        ("!gpu", "web0 web1 db.internal lonely b c fe80::1"),
        ("&gpu", "gpu1 gpu2 gpu3"),
        ("gpu,!gpu2", "gpu1 gpu3"),
        ("b:c", "b c"),
        ("a:b:c", "b c"),
        ("fe80::1", "fe80::1"),
        ("gpu1,fe80::1", "gpu1 fe80::1"),
        ("~(web|db).*", "gpu3 web0 web1 db.internal"),
        ("~gpu[12]", "gpu1 gpu2"),
        (r"~gpu\d", "gpu1 gpu2 gpu3"),
        ("gpu[0]", "gpu1"),
        ("gpu[1]", "gpu2"),
        ("gpu[-1]", "gpu3"),
        ("gpu[0:0]", "gpu1"),
        ("gpu[0:1]", "gpu1 gpu2"),
        ("gpu[1:]", "gpu2 gpu3"),
        ("gpu[1-2]", "gpu2 gpu3"),
        ("gpu[1:9]", "gpu2 gpu3"),
        ("web[0]", "web0"),
        ("racks[1]", "web0"),
        ("all[1:3]", "gpu2 gpu3 web0"),
        ("gpu*[0]", "gpu1"),
        ("lonely:gpu[0]:web[1]", "gpu1 web1 lonely"),
    ],
)
def test_a_pattern_names_the_hosts_that_ansible_names(pattern: str, hosts: str) -> None:
    chosen = {chosen.name for chosen in select(FLEET, pattern)}

    assert chosen == set(hosts.split())


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("web1:lonely:gpu2", "web1 lonely gpu2"),
        ("lonely:racks:!gpu2", "lonely gpu1 web0 web1"),
        ("*1:web0", "gpu1 web1 fe80::1 web0"),
    ],
)
def test_hosts_come_in_the_order_of_the_terms_and_of_each_group(pattern: str, hosts: str) -> None:
    assert [chosen.name for chosen in select(FLEET, pattern)] == hosts.split()


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("nothing", "nothing"),
        ("gpu:nothing", "nothing"),
        ("gpu:!nothing", "nothing"),
        ("gpu:&nothing", "nothing"),
        ("GPU1", "GPU1"),
        ("x*", "x*"),
        ("~u1", "~u1"),
        ("~nothing[0]", "~nothing[0]"),
        ("nothing[0]", "nothing"),
        ("gpu[0:-1]", "gpu[0:-1]"),
        ("gpu1:22", "gpu1:22"),
        ("gpu1,web0:web1", "web0:web1"),
        ("@file", "@file"),
    ],
)
def test_a_term_that_matches_nothing_is_named(pattern: str, named: str) -> None:
    with pytest.raises(RequestError, match=r"no host or group") as refused:
        select(FLEET, pattern)

    assert repr(named) in str(refused.value)


def test_a_misspelt_host_comes_with_the_nearest_name() -> None:
    with pytest.raises(RequestError, match="did you mean 'lonely'"):
        select(FLEET, "lonly")


@pytest.mark.parametrize("pattern", ["empty", "gpu:!all", "gpu:&web:!gpu3", "gpu[5:9]", "empty[0]"])
def test_a_pattern_that_leaves_no_host_is_an_error(pattern: str) -> None:
    with pytest.raises(RequestError, match="leaves no host"):
        select(FLEET, pattern)


@pytest.mark.parametrize("pattern", ["gpu[7]", "gpu[-7]", "web:gpu[3:0]"])
def test_a_place_behind_the_last_host_is_an_error(pattern: str) -> None:
    with pytest.raises(RequestError, match=r"host pattern 'gpu\[.*\]' counts further than its 3 hosts"):
        select(FLEET, pattern)


@pytest.mark.parametrize("pattern", ["gpu[", "gpu1]", "~gpu[", "all:gpu[1:2"])
def test_half_a_pair_of_brackets_is_an_error(pattern: str) -> None:
    with pytest.raises(RequestError, match="has a bracket without its other half"):
        select(FLEET, pattern)


@pytest.mark.parametrize("pattern", ["localhost", "127.0.0.1"])
def test_this_machine_counts_only_where_the_inventory_has_it(pattern: str) -> None:
    with pytest.raises(RequestError, match=f"no host or group '{pattern}'.*add it to the inventory"):
        select(FLEET, pattern)
    assert [chosen.name for chosen in select(inventory("a", "localhost"), pattern)] == ["localhost"]


@pytest.mark.parametrize("pattern", ["", "  ", ",", ":", "!", "gpu:&", "gpu:!"])
def test_a_pattern_without_a_name_is_an_error(pattern: str) -> None:
    with pytest.raises(RequestError, match="is empty"):
        select(FLEET, pattern)


@pytest.mark.parametrize("pattern", ["~(", "~*", "~gpu[z-a]"])
def test_a_broken_regular_expression_is_an_error_that_names_it(pattern: str) -> None:
    with pytest.raises(RequestError, match="regular expression") as refused:
        select(FLEET, pattern)

    assert repr(pattern) in str(refused.value)


def test_where_there_are_no_hosts_at_all_it_says_where_to_add_some() -> None:
    with pytest.raises(RequestError, match=r"there are no hosts; add them to the settings \(hosts:\) or to inventory"):
        select(inventory(), "all")
