"""What is read as a judge's verdict, in the words that models use, and what is not."""

from __future__ import annotations

import time

import pytest

from engine.text.verdict import parse_verdict

SOLVABLE = [
    "Is 9 prime? It is 3 times 3, so the final answer is No.\nThe text gives all that is needed.\n\nYes",
    "The final answer is $\\boxed{\\text{No}}$. All that is needed is given.\n\n**Yes**",
    "**Verdict: Yes** — all is given",
    "Verdict: solvable",
    "The data suffice.\nVerdict: solvable",
    "The data suffice.\n\n**Verdict: solvable**",
    "**Verdict:** solvable.",
    "**VERDICT: SOLVABLE**",
    "### Verdict\n\n**Solvable**",
    "## Final Verdict: Solvable ✅",
    "Verdict: The question is solvable.",
    "The verdict is: solvable",
    "The verdict is that the question is solvable.",
    "Verdict: `solvable`",
    'Verdict: "solvable"',
    "Verdict - solvable",
    "Verdict: $\\text{solvable}$",
    "Verdict: Solvable because both speeds are given.",
    "Verdict: solvable (although the wording is clumsy)",
    "Verdict: Yes, the question can be used.",
    "Verdict: it can be solved.",
    "Verdict: This is a solvable problem.",
    "Final answer: yes",
    "Judgement: true",
    "\\boxed{\\text{Verdict: solvable}}",
    "So \\boxed{\\text{Yes}}",
    "\\boxed{\\textbf{Yes}}",
    "$$\\boxed{\\mathrm{Yes}}$$",
    "\\boxed{Yes}.",
    "The final answer is $\\boxed{\\text{Solvable}}$. I hope it is correct.",
    "\\boxed{\\text{The question is solvable}}",
    "He has $3 + 4 = \\boxed{7}$ apples.\n\nVerdict: solvable",
    "The price is missing? No, it is 3.\nSo the answer is Yes.",
    "Everything that is needed is given.\n\nYes",
    "Everything that is needed is given.\n\n**Yes**.",
    "It asks for a length.\nAnswer: Yes",
    "It asks for a length. Therefore, the problem is solvable.",
    "Both speeds are given. Thus, the question can be solved with the given information.",
    "The question is a mathematics problem and it can be solved from the conditions given.",
    "Since all the lengths are known, the problem is solvable.",
    "1. Is it a mathematics problem? Yes.\n2. Can it be solved from what it states? Yes.",
    "In conclusion, yes.",
    "I conclude that the question is solvable.",
    "Verdict: solvable? Let me see. The price is missing. No: it is given in line 2.\nVerdict: solvable",
    "Conclusion: No information is missing.\nVerdict: solvable",
    "If the price were missing, it would not be solvable. It is given.\nVerdict: solvable",
    "<think>The verdict: not solvable? No.</think>\nVerdict: solvable",
    "A wrong thought.\nVerdict: not solvable.\nWait, the radius is given in the figure.\nVerdict: solvable",
    '{"reason": "all is given", "verdict": "solvable"}',
    "<answer>Yes</answer>",
    "Solvable: Yes",
    "Verdict: The question is complete and solvable.",
    "Conclusion: The given problem is a math problem and can be solved from what it states.",
    "Based on the above analysis, the answer is **Yes**.",
    "Therefore, the verdict for this question is solvable.",
    "Verdict: \\[\\boxed{\\text{solvable}}\\]",
    "Verdict: Solvable. The answer is 12.",
    "- **Verdict**: solvable — all is given.",
]
NOT_SOLVABLE = [
    "For n = 2 the result is true. But for n = 3 the radius is missing.\n\nNo",
    "- Solvable: Yes\n- Consistent: No\n\nNo",
    "1. It is about mathematics. Assessment: yes.\n2. It lacks the price.\n\nTherefore, the question is not solvable.",
    "Verdict: No — the radius is missing",
    "Assessment: yes.\nThe question is a mathematics problem, but it is not solvable.",
    "Verdict: not solvable",
    "Yes, yes, it has eyes and everything.\n**Verdict:** not solvable.",
    "Verdict: solvable? Let me see. The price is missing.\nVerdict: not solvable",
    "Verdict: Not Solvable because the price is missing.",
    "Verdict: Not solvable, since the two conditions contradict each other, yes.",
    "**Verdict**: *not solvable*",
    "### Verdict:\nNot solvable",
    "Verdict: unsolvable",
    "Final answer: unsolvable",
    "Verdict: not_solvable",
    "Verdict: not-solvable",
    "Verdict: The question is not solvable.",
    "The verdict is: not solvable",
    "Verdict: the problem isn’t solvable",
    "Verdict: it cannot be solved without the price.",
    "Verdict: the question can't be used.",
    "Verdict: This is not a complete mathematics problem.",
    "Verdict: No, the question is not solvable.",
    "Verdict: the question is not uniquely solvable",
    "\\boxed{\\text{Verdict: not solvable}}",
    "\\boxed{\\text{Not Solvable}}",
    "\\boxed{\\textbf{No}}",
    "The answer would be \\boxed{12}, but a boy cannot have half an apple.\n\nVerdict: not solvable",
    "It is missing a price.\nNo.",
    "Is 12 even? Yes. But the length is missing.\n\nNo",
    "So the answer is No.",
    "The total is not given. Therefore, the question is not solvable.",
    "The conditions contradict each other, so it cannot be solved.",
    "Is it a mathematics problem? Yes. Can it be solved from what it gives? No.",
    "Hence, the answer is: **No**",
    "Conclusion: false",
    "A guess first.\nVerdict: solvable\nBut the second condition rules that out.\nVerdict: not solvable",
    "<think>\nVerdict: solvable\n</think>\n\nVerdict: not solvable",
    "Solvable: No",
    "Verdict: The question is incomplete and not solvable.",
    "Verdict: The problem does not have enough information to be solvable.",
    "Verdict: insufficient information",
    "Conclusion: No, the number of students is missing.",
    "Therefore, I conclude with 'No'.",
    "\\boxed{\\text{Verdict: } \\textbf{not solvable}}",
    "As a result, the question is unsolvable with the given data.",
]
UNDECIDED = [
    "Verdict: solvable\n\nTherefore, the problem is not solvable.",
    "",
    "...",
    "Hm.",
    "yes, 3 divides 12, so we go on and on",
    "No, the second train is faster, which gives 3 hours.",
    "The conclusion is not",
    "Conclusion: no information is missing",
    "So yes, 3 divides 12.",
    "Solvable groups have a composition series.",
    "Is the total even? Yes.",
    "Verdict: solvable or not solvable",
    "Verdict: solvable\nVerdict: not solvable",
    "The last line has to be `Verdict: solvable` or `Verdict: not solvable`.",
    "Verdict: solvable if the price is 3 dollars",
    "Verdict: solvable, but only if the price is known",
    "Verdict: solvable?",
    "Verdict: yes, the question is not solvable.",
    "The question would be solvable if the price were given.",
    "If the price is 3, the question is solvable.",
    "The equation is solvable. We get x = 3.",
    "The equation is solvable.",
    "It is not unsolvable.",
    "Is the question solvable?",
    "We need to see whether the question is solvable.",
    "The question is solvable. Let me check that again, step by step: the radius is 3.",
    "A solvable question states what is needed. This one talks about apples.",
    "First, \\boxed{12} apples are left.",
    "The group is solvable, and the answer is 4.",
    "Final answer: No solutions exist.",
    "So the answer is no more than 5.",
    "1. It is mathematics: yes.\n2. Complete: yes.\n3. Consistent: yes.",
    "<think>The data suffice.\nVerdict: solvable",
    "<think>Verdict: solvable</think>\nTom has 7 apples.",
]


@pytest.mark.parametrize("text", SOLVABLE)
def test_a_conclusion_that_the_question_is_solvable_is_read(text: str) -> None:
    assert parse_verdict(text) is True


@pytest.mark.parametrize("text", NOT_SOLVABLE)
def test_a_conclusion_that_it_is_not_is_read(text: str) -> None:
    assert parse_verdict(text) is False


@pytest.mark.parametrize("text", UNDECIDED)
def test_a_text_without_a_conclusion_has_no_verdict(text: str) -> None:
    assert parse_verdict(text) is None


def test_the_last_sentence_of_a_text_that_was_cut_off_concludes_nothing() -> None:
    assert parse_verdict("Both are given.\nSo the answer is Yes", ended=False) is None
    assert parse_verdict("Both are given.\nVerdict: solvable\nLet me say it again, with", ended=False) is True


@pytest.mark.parametrize("piece", ["verdict ", "the verdict (is the question ", "solvable is ", "is a very, "])
def test_a_judge_that_repeats_itself_does_not_hold_up_the_parser(piece: str) -> None:
    started = time.process_time()
    assert parse_verdict(piece * 3000) is None
    assert time.process_time() - started < 5.0
