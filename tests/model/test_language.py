"""What is visibly not English is remarked, and nothing else: names, borrowed words and short prompts stay quiet."""

import re
from pathlib import Path

import pytest

from tsalv360.model.language import language_remark, not_english

ROOT = Path(__file__).parents[2]
OTHERS = {
    "Ein Mann jongliert auf der Straße.": "auf",
    "Ein Hund läuft davon.": "ein",
    "die Frau mit dem Hut": "mit",
    "un homme court dans la rue": "dans",
    "Un hombre hace malabares en la calle.": "un",
    "una donna nella macchina": "nella",
    "uma bola vermelha": "uma",
    "een man op een fiets": "een",
    "en man som springer": "som",
    "pies biegnie przez ulicę": "przez",
    "bir adam koşuyor": "bir",
    "seorang pria yang berlari": "yang",
    "một người đàn ông": "người",
    "la playa de noche": "la, de",
    "一个男人在街上玩杂耍": "Chinese",
    "мужчина": "Cyrillic",
    "رجل يركض": "Arabic",
    "한 남자": "Korean",
    "άνδρας": "Greek",
    "कुत्ता": "Devanagari",
    "dog 犬": "Chinese",
    "ｄｏｇ ひと": "Japanese",
}
ENGLISH = (
    """
dog|red ball|A man juggling.|An even grey scene.|Café with a view.|a van in front of the Eiffel Tower
Las Vegas strip|los angeles|El Capitan|MIT building|UN peacekeepers|crème brûlée|jalapeño|piñata|über driver
Rio de Janeiro|Cirque du Soleil|la la land|hot dog de luxe|hat|die|den|war|the man's hat
Charles de Gaulle airport|São Paulo skyline|coup d'état|Mötley Crüe|E.T.|42|😀
σ = 5°|a man & a dog|AC/DC|tai chi|DOG|Man With A Hat|women dancing samba|pros and cons|El Capitan rock|ｄｏｇ
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("text", OTHERS)
def test_another_language_is_told_with_what_tells_it(text: str) -> None:
    assert OTHERS[text] in not_english(text)
    assert language_remark(text).startswith(f"{text!r} is written ")


@pytest.mark.parametrize("text", ENGLISH)
def test_english_and_what_does_not_tell_are_left_alone(text: str) -> None:
    assert not_english(text) == language_remark(text) == ""


def test_no_sentence_of_the_documentation_raises_a_false_alarm() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = " ".join(re.sub(r"`[^`]*`|\$[^$]*\$|https?://\S+", "", page.read_text(encoding="utf-8")) for page in pages)
    sentences = [sentence for sentence in re.split(r"(?<=[.:;!?|])\s+", text) if len(sentence.split()) > 3]
    assert len(sentences) > 2000
    assert [sentence for sentence in sentences if not_english(sentence)] == []
