"""The conventions of real data sets, guessed from names and values; and what the user says instead."""

from __future__ import annotations

from typing import Any

import pytest

from engine.imports import job
from store.errors import InputError
from tests.engine.imports.conftest import Bring, jsonl

ASKED, SOLVED = "What is 6 * 7?", "Six sevens are 42.\nThe answer is \\boxed{42}."
CONVENTIONS: dict[str, dict[str, Any]] = {
    "query/response": {"query": ASKED, "response": SOLVED},
    "problem/solution": {"problem": ASKED, "solution": SOLVED, "answer": "42"},
    "question/response": {"question": ASKED, "response": SOLVED},
    "instruction/output": {"instruction": ASKED, "input": "", "output": SOLVED},
    "prompt/completion": {"prompt": ASKED, "completion": SOLVED},
    "messages": {"messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": SOLVED}]},
    "conversations": {"conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": SOLVED}]},
    "prompt/chosen/rejected": {"prompt": ASKED, "chosen": SOLVED, "rejected": "It is \\boxed{41}."},
    "chats of preferences": {
        "prompt": [{"role": "user", "content": ASKED}],
        "chosen": [{"role": "assistant", "content": SOLVED}],
        "rejected": [{"role": "assistant", "content": "It is \\boxed{41}."}],
    },
}


@pytest.mark.parametrize("name", CONVENTIONS)
def test_a_convention_is_recognised(bring: Bring, name: str) -> None:
    made = bring([CONVENTIONS[name]])
    assert made.pairs("query, response, answer, n_solutions") == [
        (ASKED, SOLVED, "42", 2 if "rejected" in CONVENTIONS[name] else 1)
    ]
    assert made.ask("SELECT extra FROM questions WHERE run_id = $run") == [("{}",)]


def test_a_worked_answer_is_the_solution_and_states_the_reference(bring: Bring) -> None:
    made = bring([{"question": ASKED, "answer": "He has 6 * 7 = <<6*7=42>>42.\n#### 42"}])
    assert made.pairs("answer, reference_answer, response LIKE 'He has%'") == [("42", "42", True)]


def test_a_short_answer_is_the_reference(bring: Bring) -> None:
    made = bring([{"problem": ASKED, "answer": "42", "subject": "Prealgebra", "level": "Level 1"}])
    assert made.ask("SELECT reference_answer, extra->>'level' FROM questions") == [("42", "Level 1")]
    assert made.ask("SELECT value, model FROM labels WHERE key = 'level'") == [("Level 1", "import")]
    assert made.ask("SELECT drop_stage, drop_reason, topic, n_solutions FROM items") == [(None, None, "Prealgebra", 0)]
    assert made.ask("SELECT query, reference_answer FROM prompts") == [(ASKED, "42")]
    assert made.ask("SELECT pending FROM funnel WHERE stage = 'solution'") == [(1,)]


def test_of_several_generations_the_first_right_one_is_chosen(bring: Bring) -> None:
    texts = ["It is \\boxed{41}.", "No answer.", "It is \\boxed{42.0}.", SOLVED]
    made = bring([{"problem": ASKED, "answer": "42", "generations": texts, "solution": "kept"}])
    assert made.pairs("response, n_solutions, reference_answer") == [(texts[2], 4, "42")]
    assert made.ask("SELECT score FROM verdicts WHERE stage = 'solution'") == [(0.75,)]
    assert made.ask("SELECT extra->>'solution' FROM questions") == [("kept",)]


def test_an_input_is_part_of_the_instruction(bring: Bring) -> None:
    made = bring([{"instruction": "Add the numbers.", "input": "1 and 2", "output": "The answer is 3."}])
    assert made.pairs("query") == [("Add the numbers.\n\n1 and 2",)]


def test_a_chat_with_further_turns_is_kept_whole(bring: Bring) -> None:
    turns = [("system", "Be brief."), ("user", "What is 1 + 1?"), ("assistant", "It is 2."), ("user", ASKED)]
    turns.append(("assistant", SOLVED))
    made = bring([{"messages": [{"role": role, "content": said} for role, said in turns]}])
    assert made.pairs("query, response") == [(ASKED, SOLVED)]
    assert made.ask("SELECT json_array_length(extra->'messages') FROM questions") == [(5,)]


def test_the_files_own_numbers_are_taken_where_they_are_such(bring: Bring) -> None:
    row = {
        "query": ASKED,
        "response": SOLVED,
        "difficulty": 0.25,
        "reward": 1.5,
        "generator": "g-1",
        "topic": "algebra",
    }
    odd = {
        "query": "What is 2 + 3?",
        "response": "The answer is 5.",
        "difficulty": 7,
        "reward": "high",
        "topic": "Chess",
    }
    made = bring([row, {**row, "query": "What is 7 * 6?"}, {**odd, "generator": None}])
    assert made.pairs("difficulty, reward, generator, topic")[0] == (0.25, 1.5, "g-1", "Algebra")
    last = made.pairs("difficulty, reward, generator, topic")[2]
    assert last[:3] == (None, None, "data")
    assert last[3] != "Chess"
    kept = "SELECT extra->>'difficulty', extra->>'reward', extra->>'topic' FROM questions WHERE idx = 2"
    assert made.ask(kept) == [("7", "high", "Chess")]
    judges = "SELECT judge FROM verdicts WHERE stage = 'difficulty' UNION SELECT reward_model FROM rewards"
    assert made.ask(judges) == [("import",)]


def test_what_the_user_maps_goes_before_what_is_guessed(bring: Bring) -> None:
    rows = [{"query": "wrong", "text": ASKED, "more": "Explain.", "response": "wrong", "out": SOLVED, "key": "k7"}]
    made = bring(rows, query="text+more", response="out", id="key")
    assert made.pairs("query, response") == [(f"{ASKED}\n\nExplain.", SOLVED)]
    assert made.ask("SELECT extra->>'id', extra->>'query' FROM questions") == [("k7", "wrong")]


def test_a_field_or_column_that_is_not_there_is_named_with_those_that_are(bring: Bring) -> None:
    rows = [{"query": ASKED, "response": SOLVED}]
    with pytest.raises(InputError, match=r"'query=nope'.*it has query, response"):
        bring(rows, query="nope")
    with pytest.raises(InputError, match=r"'colour=query'.*use one of query, response"):
        bring(rows, colour="query")


def test_a_preview_shows_the_mapping_and_the_first_rows(tmp_path: Any) -> None:
    rows = [{"problem": ASKED, "solution": SOLVED, "n": i} for i in range(50)]
    seen = job.preview(str(jsonl(tmp_path / "a.jsonl", rows)), rows=3)
    assert seen.mapping.words == "query = problem, response = solution"
    assert (seen.columns, seen.rows, seen.refused) == (["problem", "solution", "n"], rows[:3], 0)


def test_our_own_full_export_comes_back_with_its_review(bring: Bring) -> None:
    row = {
        "question_id": "r1-00000004", "run_id": "r1", "generator": "qgen", "query": ASKED, "response": SOLVED,
        "answer": "42", "topic": "Prealgebra", "difficulty": 0.5, "reward": -0.25, "agreement": 0.8,
        "majority_answer": "42", "reference_answer": None, "n_solutions": 5, "status": "accepted",
        "tags": ["a", "b"], "edited": True,
    }  # fmt: skip
    plain = {**row, "query": "What is 1 + 1?", "status": "unreviewed", "tags": [], "edited": False, "reward": None}
    gone = {**row, "query": "What is 2 + 2?", "status": "rejected", "tags": [], "edited": False}
    columns = "generator, query, response, answer, topic, difficulty, reward, agreement, majority_answer"
    columns += ", status, tags, edited"
    for scored in (True, False):
        made = bring([row, plain, gone], scored=scored)
        assert made.pairs(columns) == [tuple(one[name] for name in columns.split(", ")) for one in (row, plain, gone)]
        assert made.ask("SELECT extra->>'question_id' FROM questions WHERE run_id = $run LIMIT 1") == [("r1-00000004",)]


def test_what_a_later_sample_says_of_its_question_is_kept_with_it(bring: Bring) -> None:
    row = {"query": ASKED, "response": SOLVED, "generator": "g-1", "topic": "Algebra"}
    made = bring([row, {**row, "response": f"So: {SOLVED}", "generator": "g-2", "topic": "Geometry"}])
    assert made.ask("SELECT generator FROM questions") == [("g-1",)]
    assert made.ask("SELECT count(*) FROM solutions") == [(2,)]
    (said,) = made.ask("SELECT extra->'per_sample'->1->>'generator', extra->'per_sample'->1->>'topic' FROM questions")
    assert said == ("g-2", "Geometry")
