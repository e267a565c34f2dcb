"""Text from outside is safe to print, and short where it must be."""

from tsalv360.job.errors import plain, shorten


def test_plain_text_is_one_line_without_control_characters() -> None:
    assert (
        plain(" A man\n\tjuggles\x1b[2J\x00 \u202egnp.exe\ud800 נ 🤹\u200d♀️ ")
        == "A man juggles [2J gnp.exe נ 🤹\u200d♀️"
    )


def test_long_text_ends_in_an_ellipsis() -> None:
    assert shorten("A man\njuggles.", 14) == "A man juggles."
    assert shorten("A man\njuggles.", 8) == "A man j…"
    assert len(shorten("x" * 500)) == 80
