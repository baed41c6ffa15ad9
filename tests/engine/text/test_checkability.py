"""Whether a rule can check an answer to a question."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from engine.text.checkability import LABELS, checkability

CASES = {
    "open": [
        ("What is 7 times 8?", "56"),
        ("Find all real x with x^2 = 4.", "x = 2 \\text{ or } x = -2"),
        ("How many points A, B and C lie on the line?", "3"),
        ("Let (a) be the first and (b) the second root of x^2 = 4. Find the larger.", "2"),
        ("Express the area in the form $a\\sqrt{b}$.", "3\\sqrt{2}"),
        ("For which integers n is 7 a divisor of n?", "\\text{multiples of 7}"),
        ("Show your work. What is 3 + 4?", "7"),
        ("The diagram below has three circles. [asy] draw((0,0)--(1,1)); [/asy] Find the area.", "\\pi"),
        ("On which day of the week was it?", "Tuesday"),
        ("Tom proved to be right. How old is he?", "12"),
        ("Show that the sum is even, and find the sum.", "12"),
        ("Two rules hold: (1) n is even. (2) n > 3. What is the least n?", "4"),
        ("How much is left?", "He sells 3 and keeps 4.\n#### 4"),
    ],
    "choice": [
        ("Which is prime?\nA. 4\nB. 6\nC. 7\nD. 9", "C"),
        ("Which is prime? (A) 4 (B) 6 (C) 7", "(C)"),
        ("It equals: $\\textbf{(A)}\\ 1 \\qquad \\textbf{(B)}\\ 2 \\qquad \\textbf{(C)}\\ 3$", "2"),
        ("The sum is $\\text{(A) } 1 \\quad \\text{(B) } 2 \\quad \\text{(C) } 3$", "\\text{(B)}"),
        ("Which of the following is a unit of length?", "B"),
        ("Choose one: (a) 4 (b) 6 (c) 7", "c"),
        ("What is 2+2?\nA) 3\nB) 4\nC) 5", "B"),
    ],
    "yes_no": [
        ("Is 91 a prime number?", "No"),
        ("Does the series converge?", "\\text{Yes}"),
        ("True or false: every square is a rectangle.", "True"),
        ("Is the statement correct?", "incorrect"),
        ("Can 2024 be written as a sum of two squares?", "yes."),
    ],
    "proof": [
        ("Prove that the square root of 2 is irrational.", None),
        ("Let n be odd. Show that n^2 - 1 is divisible by 8.", ""),
        (
            "Prove that there are infinitely many primes.",
            "Suppose that there are finitely many, then their product plus one",
        ),
        ("Prove or disprove: every even number is a sum of two primes.", None),
        ("Let $a,b>0$. Demonstrate that $a+b \\ge 2\\sqrt{ab}$.", None),
        ("Using induction, prove that 1+2+...+n = n(n+1)/2.", "Proof."),
        ("Given a triangle ABC, please justify the inequality a + b > c.", None),
    ],
    "multi_part": [
        ("(a) Find the slope. (b) Find the intercept.", "2, 3"),
        ("(i) What is x? (ii) What is y?", "x = 1, y = 2"),
        ("A ball falls.\n1. How long does it fall?\n2. How fast is it?", "2 s; 20 m/s"),
        ("Part a: compute the mean. Part b: compute the median.", "3 and 4"),
        ("Given f. (1) Find f(2). (2) If f(x) = 3, find x.", "4; 1"),
        (
            "a line is given: (a) determine its slope, (b) determine where it meets the axis, (c) find its length",
            "1, 2, 3",
        ),
    ],
    "no_gold": [
        ("What is 7 times 8?", None),
        ("What is 7 times 8?", "  "),
        ("What is 7 times 8?", "$ $"),
        ("Describe the graph.", "It is a parabola that opens upwards with its vertex at the origin"),
        ("When does it hold?", "It holds if and only if n is even"),
        ("Explain the result.", "Because the two angles are equal"),
    ],
    "link": [
        ("Use the data at https://example.org/data.csv to find the mean.", "5"),
        ("What is the area of ![](triangle.png)?", "6"),
        ("Find x. \\includegraphics{figure1}", "3"),
        ("What is the area of the triangle shown in the figure?", "6"),
        ("The graph below shows the speed. How far does it go?", "12"),
        ("Refer to the attached diagram. Find angle B.", "30"),
        ("See www.example.org. What is 2+2?", "4"),
        ("Find the shaded area in the diagram above.", "9"),
    ],
}


@pytest.mark.parametrize(
    ("label", "question", "gold"), [(label, *case) for label, cases in CASES.items() for case in cases]
)
def test_each_signal_has_its_label(label: str, question: str, gold: str | None) -> None:
    assert checkability(question, gold) == label


def test_every_label_has_cases() -> None:
    assert CASES.keys() == {*LABELS}


def test_real_questions_can_nearly_all_be_checked(data_dir: Path) -> None:
    for name, column in {"gsm8k_train": "question", "math_train": "problem", "math500": "problem"}.items():
        rows = [json.loads(line) for line in (data_dir / f"{name}.jsonl").open(encoding="utf-8")]
        labels = Counter(checkability(row[column], row["answer"]) for row in rows)
        assert labels["open"] / len(rows) >= 0.97, (name, labels)
