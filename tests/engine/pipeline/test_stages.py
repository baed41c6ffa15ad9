"""The stages behind the models: exact reasons, scores, choices; and how a judge's words are read."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from engine.config.prompts import TEMPLATES, parse_rewrite, template
from engine.models.base import Completion
from engine.stages import difficulty, pair, solution, solvability
from store.errors import InputError
from store.records import Solution


def said(text: str, finish: str = "stop") -> Completion:
    return Completion("id", text, 12, 5, 0.5, finish)  # type: ignore[arg-type]


def solved(sample: int, answer: str | None) -> Solution:
    return Solution(f"q-{sample}", "q", sample, "text", answer, "solver", 1, 10, 0.1, "stop")


def test_a_judge_in_words_keeps_drops_or_has_no_verdict() -> None:
    kept, dropped, none = (
        solvability.from_text("q", "judge", said(text))
        for text in ("Verdict: solvable", "Verdict: not solvable", "Hm.")
    )
    assert (kept.kept, kept.score, kept.reason) == (True, 1.0, None)
    assert (dropped.kept, dropped.score, dropped.reason) == (False, 0.0, "not_solvable")
    assert (none.kept, none.score, none.reason, none.raw) == (False, None, "no_verdict", "Hm.")
    assert (kept.tokens, kept.seconds) == (12, 0.5)


def test_a_judge_in_numbers_keeps_from_its_threshold_on() -> None:
    at = solvability.from_score("q", "judge", 0.0, 0.5, 3, 0.1)
    below = solvability.from_score("q", "judge", -0.001, 0.5, 3, 0.1)
    assert (at.kept, at.score, below.kept, below.reason) == (True, 0.5, False, "not_solvable")
    assert solvability.from_score("q", "judge", None, 0.5, 3, 0.1).reason == "no_verdict"
    assert solvability.from_score("q", "judge", -1000.0, 0.5, 3, 0.1).score == pytest.approx(0.0)


def test_difficulty_is_a_fail_rate_and_the_band_is_closed() -> None:
    def judge(raw: float | None, activation: str = "identity") -> tuple[bool, float | None, str | None]:
        verdict = difficulty.judge("q", "scorer", raw, activation, (0.2, 0.8), 1, 0.1)
        return verdict.kept, verdict.score, verdict.reason

    assert judge(0.2) == (True, 0.2, None)
    assert judge(0.8) == (True, 0.8, None)
    assert judge(0.19) == (False, 0.19, "too_easy")
    assert judge(1.7) == (False, 1.0, "too_hard")
    assert judge(None) == (True, None, "outside_domain")
    assert judge(0.0, "sigmoid") == (True, 0.5, None)


def test_a_question_whose_samples_state_no_answer_is_dropped() -> None:
    texts = [solution.solution("q", i, said(text), "solver", 7) for i, text in enumerate(["\\boxed{4}", "hm", "hm"])]
    faults = solution.faults(texts, True, None)
    some = solution.judge("q", "solver", faults)
    assert (texts[0].answer, texts[1].answer) == ("4", None)
    assert some.kept
    assert some.score == pytest.approx(1 / 3)
    assert solution.judge("q", "solver", faults[1:]).reason == "no_answer"


def test_samples_that_were_cut_off_or_repeat_themselves_count_only_where_the_solver_allows_it() -> None:
    loop = said(f"<think>{'We add two and two once more, and get four again. ' * 40}</think>It is \\boxed{{4}}.")
    cut = replace(said("<think>We get \\boxed{4}, so"), finish_reason="length")
    samples = [solution.solution("q", i, text, "solver", 7) for i, text in enumerate((cut, loop, said("\\boxed{4}")))]
    assert solution.faults(samples, True, None) == ["no_answer", None, None]
    assert solution.faults(samples, False, 0.2) == ["cut_off", "repetition", None]
    assert solution.left_out(samples, False, 0.2) == {0, 1}
    kept = solution.judge("q", "solver", solution.faults(samples, False, 0.2))
    assert (kept.kept, kept.reason, kept.score) == (True, None, pytest.approx(1 / 3))
    assert solution.judge("q", "solver", ["cut_off"]).reason == "cut_off"
    assert solution.judge("q", "solver", ["no_answer", "repetition", "repetition"]).reason == "repetition"
    assert pair.choose(samples, [0.1, 0.9, 0.2]) == 1
    assert pair.choose(samples, [0.1, 0.9, 0.2], {0, 1}) == 2


def test_without_a_reward_model_the_only_sample_is_kept_and_the_verdict_says_so() -> None:
    verdict, labels = pair.judge("q", None, [solved(0, "5")], [None], [0], None, 0)
    assert (verdict.kept, verdict.score, verdict.reason, verdict.judge) == (True, None, "no_reward", "none")
    assert {label.key: label.value for label in labels}["chosen"] == "0"


def test_without_a_judge_every_question_passes_and_the_verdict_says_so() -> None:
    verdict = solvability.unjudged("q")
    assert (verdict.kept, verdict.score, verdict.reason, verdict.judge) == (True, None, "no_judge", "none")


def test_reasoning_is_apart_from_the_response_and_states_no_answer() -> None:
    thought = solution.solution("q", 0, said("<think>Maybe \\boxed{3}?</think>So \\boxed{4}."), "solver", 7)
    assert (thought.reasoning, thought.text, thought.answer) == ("Maybe \\boxed{3}?", "So \\boxed{4}.", "4")
    assert thought.reasoning_tokens is not None
    assert 0 < thought.reasoning_tokens < thought.tokens
    lost = solution.solution("q", 0, replace(said("<think>Maybe \\boxed{3}"), finish_reason="length"), "solver", 7)
    assert (lost.text, lost.answer, lost.reasoning_tokens) == ("", None, lost.tokens)
    apart = replace(said("So \\boxed{4}."), reasoning="Hm.", reasoning_tokens=3)
    sent = solution.solution("q", 0, apart, "solver", 7)
    assert (sent.reasoning, sent.reasoning_tokens, sent.answer) == ("Hm.", 3, "4")


def test_the_best_reward_among_samples_with_an_answer_is_chosen() -> None:
    samples = [solved(0, None), solved(1, "5"), solved(2, "6"), solved(3, "6")]
    assert pair.choose(samples, [9.0, 1.0, 2.0, 1.5]) == 2
    assert pair.choose(samples, [None, None, None, None]) == 1
    assert pair.choose(samples[:1], [9.0]) is None


def test_rewards_are_compared_rounded_and_ties_go_to_the_lowest_sample() -> None:
    samples = [solved(0, "5"), solved(1, "6"), solved(2, "7")]
    assert pair.choose(samples, [1.00001, 1.00004, 1.00003]) == 0
    assert pair.choose(samples, [1.0000, 1.0002, 1.00021]) == 1


def test_agreement_and_majority_come_from_the_groups_of_answers() -> None:
    samples = [solved(0, "1/2"), solved(1, "3"), solved(2, "0.5"), solved(3, None), solved(4, "3")]
    verdict, labels = pair.judge("q", "reward", samples, [0.1, 0.9, 0.3, 5.0, 0.2], [0, 1, 0, None, 1], None, 50)
    found = {label.key: label.value for label in labels}
    assert (verdict.kept, verdict.score, verdict.tokens) == (True, 0.9, 50)
    assert found == {"chosen": "1", "agreement": "0.4000", "majority_answer": "1/2", "repetition": "0.0000"}


def test_a_reward_under_the_floor_drops_the_pair() -> None:
    samples = [solved(0, "5")]
    assert pair.judge("q", "reward", samples, [0.49], [0], 0.5, 1)[0].reason == "low_reward"
    assert pair.judge("q", "reward", samples, [0.5], [0], 0.5, 1)[0].kept
    assert pair.judge("q", "reward", samples, [math.nextafter(0.5, 0)], [0], 0.5, 1)[0].kept


def test_pre_query_templates_stop_where_the_question_would_begin() -> None:
    assert template("qwen-generate").render() == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
    )
    assert template("deepseek-generate").render().endswith("User: ")
    assert template("nano-generate").render() == "<|im_start|>user\n"
    assert template("nano-solve").render("1+1?") == "<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"


def test_a_question_with_braces_is_rendered_as_it_is() -> None:
    assert "\\frac{1}{2} {question}" in template("qwen-solve").render("\\frac{1}{2} {question}")


def test_every_template_but_the_pre_query_ones_shows_the_question() -> None:
    for template_id, made in TEMPLATES.items():
        assert ("{question}" in made.text) != template_id.endswith("-generate")


def test_the_rewriting_prompts_ask_for_what_their_names_say() -> None:
    assert "complete and consistent" in " ".join(template("qwen-rewrite-solvable").text.split())
    assert "harder" in template("qwen-rewrite-difficult").text


def test_an_unknown_template_is_named() -> None:
    with pytest.raises(InputError, match="template 'qwen-slove' does not exist"):
        template("qwen-slove")


def test_a_rewrite_is_what_stands_after_its_line() -> None:
    assert parse_rewrite("Missing: the price.\n**Rewritten question:** How many?\n") == "How many?"
    assert parse_rewrite("I cannot.") is None
