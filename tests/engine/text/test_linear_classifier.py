"""Topic and level of a question: what the shipped weights say, and that they are what was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.text.linear_classifier import (
    LEVEL_DIR,
    META,
    TOPIC_DIR,
    VOCABULARY,
    WEIGHTS,
    LevelModel,
    Linear,
    TopicModel,
    grams,
)
from engine.training.linear_classifiers import evaluate
from store.errors import InputError

QUESTIONS = {
    "Algebra": "If $3x + 5 = 20$ and $y = 2x - 1$, what is the value of $x + y$?",
    "Geometry": "In triangle $ABC$, $AB = 5$ and angle $B = 90^\\circ$. Find the area of the circumscribed circle.",
    "Number Theory": "What is the remainder when $7^{100}$ is divided by 13?",
    "Counting & Probability": "Two cards are drawn from a standard deck. What is the probability that both are hearts?",
    "Precalculus": "Find the projection of the vector $\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}$ onto $\\mathbf{v}$.",
    "Intermediate Algebra": "Find all complex roots of the polynomial $z^4 + z^2 + 1 = 0$ with real coefficients.",
    "Arithmetic": "Tom has 12 apples. He buys 5 more and gives 3 to his sister. How many apples does Tom have left?",
    "Prealgebra": "What is the value of $\\frac{3}{4} \\div \\frac{1}{2}$, as a mixed number?",
}


@pytest.mark.parametrize("topic", QUESTIONS)
def test_a_plain_example_of_each_topic_is_recognised(topic: str) -> None:
    assert TopicModel.load().predict([QUESTIONS[topic]]) == [topic]


def test_topics_are_spelled_as_in_math_plus_arithmetic() -> None:
    assert set(TopicModel.load().topics) == set(QUESTIONS)


def test_a_batch_says_what_its_texts_say_one_by_one() -> None:
    topic, level = TopicModel.load(), LevelModel.load()
    texts = [*QUESTIONS.values(), "", "zzz", "$x$"]
    assert topic.predict(texts) == [topic.predict([text])[0] for text in texts]
    assert level.score(texts) == pytest.approx([level.score([text])[0] for text in texts])
    assert topic.predict([]) == []
    assert level.score([]) == []


def test_level_is_a_number_from_0_to_1_that_rises_with_difficulty() -> None:
    model = LevelModel.load()
    easy, hard = model.score(
        [
            "What is $3 + 4$?",
            "Let $a_1, a_2, \\ldots$ be a sequence of positive integers such that $a_{n+1} = a_n^2 - 2$. Find the "
            "number of ordered triples $(a,b,c)$ of distinct primes for which $abc$ divides $a_{2024}$.",
        ]
    )
    assert easy is not None
    assert hard is not None
    assert 0 <= easy < hard <= 1
    assert "MATH" in model.domain


@pytest.mark.parametrize("text", ["", "asdf qwer", "中文"])
def test_a_text_outside_the_domain_has_no_level(text: str) -> None:
    assert LevelModel.load().score([text]) == [None]


def test_the_features_are_scikit_learns_tf_idf() -> None:
    texts = [*QUESTIONS.values(), *[text.lower().replace("find", "compute") for text in QUESTIONS.values()]]
    vectoriser = TfidfVectorizer(analyzer=grams, sublinear_tf=True)
    expected = vectoriser.fit_transform(texts).toarray()
    columns = vectoriser.get_feature_names_out()
    eye = np.eye(len(columns), dtype=np.float32)
    linear = Linear(columns, vectoriser.idf_.astype(np.float32), eye, np.zeros(len(columns), dtype=np.float32), {})
    found, known = linear.outputs(texts)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert known.tolist() == (expected > 0).sum(axis=1).tolist()


def test_missing_or_damaged_weights_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        TopicModel.load(tmp_path)
    for name in (VOCABULARY, META):
        (tmp_path / name).write_bytes((TOPIC_DIR / name).read_bytes())
    (tmp_path / WEIGHTS).write_bytes((TOPIC_DIR / WEIGHTS).read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read"):
        TopicModel.load(tmp_path)
    save_file({"idf": np.ones(3, dtype=np.float16)}, str(tmp_path / WEIGHTS))
    with pytest.raises(InputError, match="cannot be read"):
        TopicModel.load(tmp_path)


def test_the_shipped_models_are_small_and_no_pickles() -> None:
    files = [file for folder in (TOPIC_DIR, LEVEL_DIR) for file in folder.iterdir()]
    assert {file.name for file in files} == {WEIGHTS, VOCABULARY, META}
    assert sum(file.stat().st_size for file in files) <= 3_000_000


def test_the_shipped_weights_reach_the_goals_on_math500(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = evaluate(data_dir)
    with capsys.disabled():
        print("\ntext scorers on math500:", figures)
    assert figures["topic_accuracy"] >= 0.78
    assert figures["level_spearman"] >= 0.55
