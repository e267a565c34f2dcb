"""The text of answers: wrapping removed, sentences counted, refusals and unfinished ones seen."""

import pytest

from tsalv360.captions.captioner import Answer
from tsalv360.captions.text import caption_of, clean, rejection, sentences


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ("A man juggles.", "A man juggles."),
        ("  a man\n\n juggles  ", "A man juggles."),
        ("The video shows a man juggling.", "A man juggling."),
        ("This short clip depicts a man juggling.", "A man juggling."),
        ("The image shows that a man juggles", "A man juggles."),
        ("In this video, we see two dogs running.", "Two dogs running."),
        ("In the center of the image, there is a red car.", "There is a red car."),
        ("At the centre a boat turns.", "A boat turns."),
        ("Sure! Here is a one-sentence description: A boat turns.", "A boat turns."),
        ("ASSISTANT: A boat turns.", "A boat turns."),
        ("Caption: \"A boat turns.\"", "A boat turns."),
        ("“A boat turns.”", "A boat turns."),
        ("You can see a boat", "A boat."),
        ("The video of a match shows players", "Players."),
        # these say something
        ("The viewer claps.", "The viewer claps."),
        ("The scene is dark.", "The scene is dark."),
        ("In the middle distance a boat turns.", "In the middle distance a boat turns."),
        ("In the video store, a man reads.", "In the video store, a man reads."),
        ("Images hang on a wall.", "Images hang on a wall."),
        ("Answer machines blink.", "Answer machines blink."),
        ("Étienne dort !", "Étienne dort !"),
        ("Who is there?", "Who is there?"),
        # these think aloud
        ("<think>A boat?\n\nYes.</think>\n\nThe video shows a boat.", "A boat."),
        ("A boat? Yes.</think>A boat turns.", "A boat turns."),
        ("<THINK></THINK> A boat turns.", "A boat turns."),
        ("<think>One.</think> <think>Two.</think> A boat turns.", "A boat turns."),
        ("People think <i>so</i>.", "People think <i>so</i>."),
    ],
)  # fmt: skip
def test_wrapping_is_removed_and_content_stays(text: str, caption: str) -> None:
    assert caption_of(Answer(text)) == caption
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("A man juggles.", 1),
        ("A man juggles. Two dogs run past him.", 2),
        ("He scores 3.5 points vs. nobody.", 1),
        ("Who? A man! He juggles", 3),
    ],
)
def test_sentences_are_counted(text: str, count: int) -> None:
    assert len(sentences(text)) == count


def test_an_answer_that_was_cut_off_loses_its_unfinished_sentence() -> None:
    assert caption_of(Answer("A man juggles. Two dogs run pa", cut_off=True)) == "A man juggles."
    assert caption_of(Answer("A man juggles. Two dogs run pa")) == "A man juggles. Two dogs run pa."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("A man juggles."), ""),
        (Answer("I'm the caption of a man who can't juggle."), ""),
        (Answer("", failure="HTTP 400"), "HTTP 400"),
        (Answer("  \n"), "empty"),
        (Answer("\"\""), "empty"),
        (Answer("I'm sorry, but I can't see that."), "refusal"),
        (Answer("I cannot describe people."), "refusal"),
        (Answer("As an AI language model, I see nothing."), "refusal"),
        (Answer("A man who", cut_off=True), "cut off by captions.max_tokens"),
        (Answer("A man juggles. And", cut_off=True), ""),
        (Answer("<think>Perhaps a man. Perhaps", cut_off=True), "captions.max_tokens in what the model thinks"),
        (Answer("<think>A man.</think>"), "empty"),
    ],
)  # fmt: skip
def test_an_answer_without_a_caption_has_a_reason(answer: Answer, reason: str) -> None:
    assert reason in rejection(answer)
    assert bool(reason) == bool(rejection(answer))


def test_control_characters_never_get_into_a_caption() -> None:
    assert caption_of(Answer("A man\x1b[2J\x00 jug\x07gles \u202egnp.exe\ud800 נ 🤹\u200d♀️.")) == (
        "A man [2J jug gles gnp.exe נ 🤹\u200d♀️."
    )
