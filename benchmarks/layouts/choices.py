"""Layouts of questions with options or with a text to read."""

from benchmarks.layouts.case import PAIRS, Q1, Q2, S1, S2, Case, Right, two

_OPTIONS1, _OPTIONS2 = ["11", "30", "56", "1"], ["0", "1", "2", "3"]
_LETTERED = [
    Right(f"{Q1}\n(A) 11\n(B) 30\n(C) 56\n(D) 1", gold="B"),
    Right(f"{Q2}\n(A) 0\n(B) 1\n(C) 2\n(D) 3", gold="C"),
]
_TRAY, _HOW_MANY = "A tray has 5 rows of 6 buns.", "How many buns is that?"

CHOICES = (
    Case(
        "mmlu",
        two(
            "question",
            "subject",
            "choices",
            "answer",
            first=(Q1, "elementary_mathematics", _OPTIONS1, 1),
            second=(Q2, "elementary_mathematics", _OPTIONS2, 2),
        ),
        _LETTERED,
    ),
    Case(
        "mmlu_pro",
        two(
            "question_id",
            "question",
            "options",
            "answer",
            "answer_index",
            "cot_content",
            "category",
            first=(70, Q1, _OPTIONS1, "B", 1, "", "math"),
            second=(71, Q2, _OPTIONS2, "C", 2, "", "math"),
        ),
        _LETTERED,
    ),
    Case(
        "lettered_columns",
        two("question", *"ABCD", "answer", first=(Q1, *_OPTIONS1, "B"), second=(Q2, *_OPTIONS2, "C")),
        _LETTERED,
    ),
    Case(
        "named_option_columns",
        two(
            "question",
            "opa",
            "opb",
            "opc",
            "opd",
            "answer",
            first=(Q1, *_OPTIONS1, "B"),
            second=(Q2, *_OPTIONS2, "C"),
        ),
        _LETTERED,
    ),
    Case(
        "ceval",
        f"id,question,A,B,C,D,answer,explanation\n0,{Q1},11,30,56,1,B,\n1,{Q2},0,1,2,3,C,\n",
        _LETTERED,
        "csv",
    ),
    Case(
        "mathqa",
        [
            {
                "Problem": Q1,
                "Rationale": '"5 * 6 = 30 . answer b"',
                "options": "a ) 11 , b ) 30 , c ) 56 , d ) 1 , e ) none of these",
                "correct": "b",
                "annotated_formula": "multiply(5,6)",
                "category": "general",
            }
        ],
        [
            Right(
                f"{Q1}\n\na ) 11 , b ) 30 , c ) 56 , d ) 1 , e ) none of these",
                ['"5 * 6 = 30 . answer b"'],
                "b",
                {"extra": {"annotated_formula": "multiply(5,6)"}},
            )
        ],
    ),
    Case(
        "aqua_rat",
        two(
            "question",
            "options",
            "rationale",
            "correct",
            first=(Q1, ["A)11", "B)30"], "5 * 6 = 30, so the choice is B.", "B"),
            second=(Q2, ["A)0", "B)1", "C)2"], "50 - 48 = 2. Answer: C", "C"),
        ),
        [
            Right(f"{Q1}\nA)11\nB)30", ["5 * 6 = 30, so the choice is B."], "B"),
            Right(f"{Q2}\nA)0\nB)1\nC)2", ["50 - 48 = 2. Answer: C"], "C"),
        ],
    ),
    Case(
        "gpqa",
        "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Explanation,Subdomain\n"
        f'r1,{Q1},30 buns,11 buns,56 buns,"Each of the 5 rows has 6 buns, so 5 times 6 is right.",Arithmetic\n',
        [Right(Q1, ["Each of the 5 rows has 6 buns, so 5 times 6 is right."], "30 buns")],
        "csv",
    ),
    Case(
        "dolly",
        two(
            "instruction",
            "context",
            "response",
            "category",
            first=(_HOW_MANY, _TRAY, S1, "closed_qa"),
            second=(Q2, "", S2, "open_qa"),
        ),
        [Right(f"{_HOW_MANY}\n\n{_TRAY}", [S1]), PAIRS[1]],
    ),
    Case(
        "squad",
        [
            {
                "id": "1",
                "title": "Bread",
                "context": _TRAY,
                "question": _HOW_MANY,
                "answers": {"text": ["30", "30"], "answer_start": [4, 4]},
            }
        ],
        [Right(f"{_TRAY}\n\n{_HOW_MANY}", gold="30")],
    ),
    Case(
        "triviaqa",
        [
            {
                "question": "Which planet is nearest to the sun?",
                "question_id": "t1",
                "answer": {"aliases": ["Mercury", "Planet Mercury"], "normalized_aliases": ["x"], "value": "Mercury"},
            }
        ],
        [Right("Which planet is nearest to the sun?", gold="Mercury")],
    ),
)
