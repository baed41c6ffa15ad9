"""Signatures are stored: the same text must get the same one as long as ``METHOD`` keeps its name."""

import tomllib

from engine.duplicates.signature import METHOD, signature
from engine.paths import ASSETS


def test_a_text_gets_the_signature_that_older_workspaces_hold_unless_the_method_has_another_name() -> None:
    made = signature("Sei f(x) = x^2 + 1.5. Was ist f(2)?")
    assert METHOD == "words-1"
    assert (made.exact, made.content, made.mask) == (375703339259439539, 9324507836657729094, 7128536571043984693)
    assert made.size == 15
    assert made.bands.hex() == (
        "f3b830a52a9b8a2c4b7c7791b3ba13ba9e30df7bca493c5a95bebae95c628e96"
        "21138b7b622c9705be5667c7b2020f45caebb5d84005fede16554bf14717758f"
    )
    assert made.words.hex() == ("99444b6b748e1867ea30c42eea30c42eb24c4548b24c4548075ac606fc28e835748e1867b24c4548")


def test_the_words_that_make_another_question_are_part_of_the_method() -> None:
    words = tomllib.loads((ASSETS / "text" / "words.toml").read_text(encoding="utf-8"))["duplicate"]
    made = signature(" ".join(sorted(f"{words['numbers']} {words['contrasts']}".split())))
    assert METHOD == "words-1"
    assert (made.content, made.mask) == (18167857455662769781, 11652506219789014357)
