"""Tables fit the terminal without breaking words, where that can be."""

from ozwald.cli.columns import column_widths

TABLE = [("SERVICE", "REASON"), ("qwen[nvidia][fast]", "it waits for room on the card"), ("web", "-")]


def test_columns_are_as_wide_as_their_text_where_there_is_room() -> None:
    assert column_widths(TABLE, 80) == [18, 29]


def test_what_is_too_wide_is_broken_between_words() -> None:
    assert column_widths(TABLE, 40) == [18, 20]


def test_words_that_fit_in_no_way_are_left_to_be_folded() -> None:
    assert column_widths(TABLE, 25) is None


def test_wide_characters_take_two_columns() -> None:
    assert column_widths([("漢字", "x")], 80) == [4, 1]
