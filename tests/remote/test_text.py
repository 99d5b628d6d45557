from ozwald.remote.text import clean


def test_control_characters_cannot_reach_a_terminal() -> None:
    assert clean("a\x1b[31mred\x07\r\nb\x00\u202ec") == "a [31mred b c"


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert clean(b"caf\xe9") == "caf\ufffd"


def test_long_text_is_cut_with_a_sign() -> None:
    text = clean("x" * 5000)
    assert len(text) == 300
    assert text.endswith("…")
