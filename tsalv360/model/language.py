"""Whether a text is visibly not English, the only language that CLIP has learned well.

A model answers any prompt with some map, so it does not show that it understood nothing. Letters of another script are
certain. Among Latin letters function words tell; prompts such as `dog` have none, so their absence says nothing.
"""

import re
import unicodedata

from tsalv360.job.errors import shorten

FUNCTION_WORDS = frozenset(re.findall(r"\w+", """
    a an and are as at be by for from has have he her his in into is it its of off on onto or over she some that the
    their them there they this through to towards two under up while who with
"""))  # fmt: skip
# Function words of other languages, which are no English words.
_FOREIGN = frozenset(re.findall(r"\w+", """
    der das dem ein eine einen einem einer und ist sind mit auf vom zum zur bei aus wird werden vor nach neben
    hinter zwischen nicht sich durch gegen
    les une dans avec sur qui vers sous aux près cette derrière devant
    un una uno por que hacia sobre está están mientras desde detrás
    gli nel nella nelle dello delle degli dei che è sono sul sulla sulle dal dalla davanti mentre verso
    um uma ao estão pelo pela dois duas
    het een naar aan voor zijn wordt tegen achter terwijl niet
    och ett på som är till för två og ikke
    się jest przez przed oraz który która obok
    bir ve ile için üzerinde
    yang dan seorang sebuah dengan sedang
    és egy az în și
"""))  # fmt: skip
# Those that are English words too, or stand in names that English keeps (Las Vegas, de Gaulle): they tell together.
_SHARED = frozenset(re.findall(r"\w+", """
    el la le las los de du del della di da do en et con por para deux über im met il van von den die des são
"""))  # fmt: skip
# English borrows single words with these letters (über, piñata), and many with others (café, façade).
_LETTERS = re.compile("[ßäöüåøæñãõğışłżśźńąęřěůčšžőűțșăđơưḀ-ỿ]")
_ENOUGH = 2  # of what does not tell alone


def not_english(text: str) -> str:
    """Return why a text is visibly not English, in a few words; empty where nothing tells."""
    if script := _other_script(text):
        return f"written in {script} letters"
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text)
    # Capital letters begin names; the first word may begin a sentence, which has words in small letters.
    small = [word for word in words if word.islower()]
    if small and words[0].istitle():
        small.append(words[0].lower())
    small = list(dict.fromkeys(small))
    english = sum(word in FUNCTION_WORDS for word in small)
    foreign = [word for word in small if word in _FOREIGN]
    if foreign or sum(word in _SHARED for word in small) >= _ENOUGH:
        foreign = [word for word in small if word in _FOREIGN | _SHARED]
    accented = [word for word in small if _LETTERS.search(word)]
    telling = dict.fromkeys(foreign + (accented if len(accented) >= _ENOUGH else []))
    return f"written with the words {', '.join(telling)}" if len(telling) > english else ""


def language_remark(prompt: str) -> str:
    """Return what to tell whoever asked a model in another language than English; empty where nothing tells."""
    why = not_english(prompt)
    return f"{shorten(prompt)!r} is {why}: the model reads English only, so its maps may mean nothing" if why else ""


def _other_script(text: str) -> str:
    """Return the script other than Latin that a tenth or more of the letters have, else an empty text."""
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", text))
    scripts = [unicodedata.name(sign, "OTHER").split()[0] for word in words for sign in word if not _is_symbol(word)]
    others = [script for script in scripts if script != "LATIN"]
    if len(others) <= 0.1 * len(scripts):
        return ""
    most = max(others, key=others.count)
    return {"CJK": "Chinese", "HANGUL": "Korean", "HIRAGANA": "Japanese"}.get(most, most.capitalize())


def _is_symbol(word: str) -> bool:
    """Return whether a word is one Greek letter, as in formulas: σ, π, µ."""
    return len(word) == 1 and unicodedata.name(word, "").startswith("GREEK")
