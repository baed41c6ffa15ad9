"""The score contract: raw numbers that equal the model's own, whatever else is scored beside them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch

from engine.models.base import Failure, Scored, ScoreModel
from engine.models.local.linear import LinearScore
from engine.models.local.transformers_score import LogProbScore, SequenceScore, TransformersScore
from engine.text.linear_classifier import LevelModel
from store.errors import BackendError, ItemError
from tests.engine.models import tiny
from tests.engine.models.tiny import take

Row = tuple[str, str | None]
QUESTIONS: list[Row] = [("Tom has 3 apples. " * (1 + i % 7) + f"He buys {i} more<|im_end|>", None) for i in range(60)]
PAIRS: list[Row] = [
    (f"Tom has {i} apples.", f" He has \\boxed{{{i}}}." * (1 + i % 5) + "<|im_end|>") for i in range(60)
]


def score(model: ScoreModel, rows: Sequence[Row]) -> Any:
    done: queue.Queue[Scored | Failure] = queue.Queue()
    model.submit("s", rows, done.put)
    return take(done, 1)[0]


def one_by_one(model: ScoreModel, rows: Sequence[Row]) -> list[float | None]:
    return [score(model, [row]).scores[0] for row in rows]


@pytest.fixture(scope="module")
def judge(tokenizer: Any) -> Iterator[TransformersScore]:
    model = TransformersScore("judge", SequenceScore(tiny.classifier(len(tokenizer))), tokenizer)
    yield model
    model.close()


@pytest.fixture
def reward(causal: Any, tokenizer: Any) -> Iterator[Callable[[Any], TransformersScore]]:
    made: list[TransformersScore] = []

    def make(aggregate: Any) -> TransformersScore:
        made.append(TransformersScore("reward", LogProbScore(causal, aggregate), tokenizer))
        return made[-1]

    yield make
    for model in made:
        model.close()


def test_a_classifiers_score_is_its_own_raw_logit(judge: TransformersScore, tokenizer: Any) -> None:
    raw = tiny.classifier(len(tokenizer))
    expected = [
        raw(**tokenizer(text, return_tensors="pt", add_special_tokens=False)).logits[0, 0].item()
        for text, _ in QUESTIONS
    ]
    result = score(judge, QUESTIONS)
    assert result.scores == pytest.approx(expected, abs=1e-4)
    assert max(abs(s) for s in result.scores) > 1  # no sigmoid
    assert result.tokens == sum(len(tokenizer.encode(text)) for text, _ in QUESTIONS)


def test_a_score_does_not_depend_on_batch_mates(judge: TransformersScore, reward: Any) -> None:
    assert score(judge, QUESTIONS).scores == pytest.approx(one_by_one(judge, QUESTIONS), abs=5e-5)
    model = reward("mean")
    assert score(model, PAIRS).scores == pytest.approx(one_by_one(model, PAIRS), abs=5e-5)


def test_a_text_with_padding_ids_inside_is_scored_at_its_end(judge: TransformersScore) -> None:
    inside = "Tom<|endoftext|> has 3 apples"
    long = ("Tom has 3 apples. " * 9, None)
    (alone,) = score(judge, [(inside, None)]).scores
    (beside, _) = score(judge, [(inside, None), long]).scores
    (other,) = score(judge, [("Tom", None)]).scores
    assert alone == pytest.approx(beside, abs=5e-5)
    assert alone != pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize("aggregate", ["mean", "min", "sum"])
def test_log_probability_equals_the_one_computed_by_hand(
    causal: Any, tokenizer: Any, reward: Any, aggregate: str
) -> None:
    expected = []
    for prompt, response in PAIRS[:12]:
        first = tokenizer.encode(prompt, add_special_tokens=False)
        ids = first + tokenizer.encode(response, add_special_tokens=False)
        with torch.no_grad():
            logs = causal(torch.tensor([ids])).logits[0].log_softmax(-1)
        each = [float(logs[i - 1, ids[i]]) for i in range(len(first), len(ids))]
        expected.append({"mean": sum(each) / len(each), "min": min(each), "sum": sum(each)}[aggregate])
    assert score(reward(aggregate), PAIRS[:12]).scores == pytest.approx(expected, abs=1e-4, rel=1e-5)


def test_rows_outside_the_domain_get_none(tokenizer: Any) -> None:
    scorer = SequenceScore(tiny.classifier(len(tokenizer)))
    model = TransformersScore("judge", scorer, tokenizer, in_domain=lambda text: "apples" in text)
    inside, outside, again = score(model, [QUESTIONS[0], ("What is a manifold?", None), QUESTIONS[1]]).scores
    nothing = score(model, [("What is a manifold?", None)]).scores
    model.close()
    assert inside is not None
    assert again is not None
    assert outside is None
    assert nothing == (None,)


def test_many_calls_from_many_threads_get_their_own_scores(judge: TransformersScore) -> None:
    expected = one_by_one(judge, QUESTIONS)
    done: queue.Queue[Scored | Failure] = queue.Queue()

    def submit(start: int) -> None:
        for i in range(start, 300, 5):
            judge.submit(str(i), [QUESTIONS[i % 60], QUESTIONS[(i + 1) % 60]], done.put)

    for thread in [threading.Thread(target=submit, args=(k,)) for k in range(5)]:
        thread.start()
    results = {int(r.request_id): r for r in take(done, 300)}
    for i in range(300):
        assert results[i].scores == pytest.approx((expected[i % 60], expected[(i + 1) % 60]), abs=5e-5)


def test_a_row_that_cannot_be_read_fails_its_call_alone(judge: TransformersScore, reward: Any) -> None:
    model = reward("mean")
    for scorer, row in (
        (judge, ("", None)),
        (judge, ("\ud800", None)),
        (model, ("Tom", None)),
    ):
        failure = score(scorer, [QUESTIONS[0], row] if scorer is judge else [row])
        assert isinstance(failure, Failure)
        assert isinstance(failure.error, ItemError)
        assert not failure.fatal
    assert isinstance(score(judge, QUESTIONS[:2]), Scored)
    assert score(judge, []).scores == ()


def test_a_row_that_is_too_long_gets_none_and_the_others_their_scores(judge: TransformersScore, reward: Any) -> None:
    long: Row = ("Tom has 3 apples.", " He " * 400)
    for model, rows in ((judge, QUESTIONS[:2]), (reward("mean"), PAIRS[:2])):
        first, none, second = score(model, [rows[0], long, rows[1]]).scores
        assert none is None
        assert (first, second) == pytest.approx(score(model, rows).scores, abs=5e-5)
        assert score(model, [long]).scores == (None,)


def test_the_id_at_which_a_model_is_read_ends_every_row(tokenizer: Any) -> None:
    raw = tiny.classifier(len(tokenizer))
    model = TransformersScore("reward", SequenceScore(raw), tokenizer, end=7)
    rows: list[Row] = [("Tom has 3", " apples"), ("Tom", None), (tokenizer.decode([7]), None)]
    ids = [[*tokenizer.encode("Tom has 3"), *tokenizer.encode(" apples"), 7], [*tokenizer.encode("Tom"), 7], [7]]
    expected = [raw(input_ids=torch.tensor([one])).logits[0, 0].item() for one in ids]
    result = score(model, rows)
    model.close()
    assert result.scores == pytest.approx(expected, abs=1e-4)
    assert result.tokens == sum(map(len, ids))


def test_a_failing_forward_pass_fails_every_call_once(tokenizer: Any) -> None:
    raw = tiny.classifier(len(tokenizer))

    def fail(module: Any, inputs: Any) -> None:
        raise RuntimeError("out of memory")

    raw.base_model.register_forward_pre_hook(fail)
    model = TransformersScore("judge", SequenceScore(raw), tokenizer)
    done: queue.Queue[Scored | Failure] = queue.Queue()
    for i in range(4):
        model.submit(str(i), QUESTIONS[:30], done.put)
    failures = take(done, 4)
    model.submit("later", QUESTIONS[:1], done.put)
    failures += take(done, 1)
    model.close()
    assert sorted(f.request_id for f in failures) == ["0", "1", "2", "3", "later"]
    assert all(f.fatal and isinstance(f.error, BackendError) for f in failures)


def test_close_answers_what_is_in_flight(tokenizer: Any) -> None:
    model = TransformersScore("judge", SequenceScore(tiny.classifier(len(tokenizer))), tokenizer)
    done: queue.Queue[Scored | Failure] = queue.Queue()
    for i in range(20):
        model.submit(str(i), QUESTIONS, done.put)
    model.close()
    results = take(done, 20)
    assert all(isinstance(r, Scored) or not r.fatal for r in results)
    model.submit("late", QUESTIONS, done.put)
    assert isinstance(take(done, 1)[0], Failure)


def test_the_linear_level_reads_questions_only() -> None:
    model = LinearScore(LevelModel.load())
    question = "Find the number of positive integers n such that n^2 + 3n + 2 is divisible by 7."
    plain = score(model, [(question, None), (question, "The answer is 3."), ("xq zzv", None)])
    direct = LevelModel.load().score([question])[0]
    assert plain.scores[0] == plain.scores[1] == direct
    assert plain.scores[2] is None
    model.close()
    assert isinstance(score(model, [(question, None)]), Failure)
