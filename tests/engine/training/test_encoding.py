"""The ids that models are trained on are those that they read and write in use, in every family's tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.config.prompts import Template, closing, template
from engine.models.tokenizers import load_tokenizer
from tests.engine.models import families

pytest.importorskip("trl", reason="the extra train is not installed")
from engine.training import qft, qpo, student

ALL = {**families.FAMILIES, **families.SENTENCE_PIECE}
QUESTION, ANSWER = "Natalia sold 48 clips.\nHow many?", "The answer is $\\frac{48}{2} = 24$.\n\nSo 24, 東京."
MARKERS = template("qwen-solve")
LLAMA2 = Template("plain-solve", "<s>[INST] {question} [/INST]\n", ("</s>",), "</s>")
SOLVE = {
    "deepseek": template("deepseek-solve"),
    "llama3": template("llama3-solve"),
    "qwen2": MARKERS,
    "internlm2": template("internlm2-reward"),
    "llama2": LLAMA2,
}
GENERATE = {"deepseek": "deepseek-generate", "llama3": "llama3-generate"}
BOS = {"deepseek": families.DEEPSEEK_BOS, "llama3": families.LLAMA3_BOS, "internlm2": "<s>", "llama2": "<s>"}


@pytest.fixture(params=ALL)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tokenizer(family: str, tmp_path: Path) -> Any:
    return load_tokenizer(str(ALL[family](tmp_path / family)))


def encode(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def texts_of(family: str, tokenizer: Any) -> list[tuple[str, str, list[int]]]:
    """(prompt, what follows it, ids that are trained on) of each kind of training."""
    solve, generate = SOLVE[family], template(GENERATE.get(family, "qwen-generate"))
    end = closing(generate.id)
    answered = student.encoded(tokenizer, solve, [(QUESTION, ANSWER)])["input_ids"][0]
    asked = qft.encoded(tokenizer, generate, [QUESTION])[0]
    columns = qpo.encoded(tokenizer, generate, [(QUESTION, ANSWER)])
    chosen, rejected = (columns["prompt_ids"][0] + columns[f"{side}_ids"][0] for side in ("chosen", "rejected"))
    return [
        (solve.render(QUESTION), ANSWER + solve.end, answered),
        (generate.text, QUESTION + end, asked),
        (generate.text, QUESTION + end, chosen),
        (generate.text, ANSWER + end, rejected),
    ]


def test_a_training_reads_the_prompt_as_in_use_and_the_very_text_after_it(family: str, tokenizer: Any) -> None:
    for prompt, text, ids in texts_of(family, tokenizer):
        begin = encode(tokenizer, prompt)
        assert ids[: len(begin)] == begin
        assert tokenizer.decode(ids) == prompt + text
        if family in families.SENTENCE_PIECE:  # no joint in these prompts is within a token
            assert ids == encode(tokenizer, prompt + text)
        else:
            assert ids == begin + encode(tokenizer, text)


def test_a_training_reads_one_bos_or_none(family: str, tokenizer: Any) -> None:
    if family not in BOS:
        assert tokenizer.bos_token is None
        return
    bos = tokenizer.convert_tokens_to_ids(BOS[family])
    for prompt, _, ids in texts_of(family, tokenizer):
        assert ids.count(bos) == prompt.startswith(BOS[family])


@pytest.mark.parametrize("family", families.SENTENCE_PIECE, indirect=True)
def test_an_answer_keeps_the_blanks_that_it_begins_with_and_gets_no_other(family: str, tokenizer: Any) -> None:
    solve = Template("plain-solve", "Q: {question} A:", (), "</s>")
    prompt = solve.render(QUESTION)
    for answer in ("Tom", " Tom", "  Tom", "\nTom", "½ x"):
        ids = student.encoded(tokenizer, solve, [(QUESTION, answer)])["input_ids"][0]
        assert tokenizer.decode(ids) == prompt + answer + "</s>"
