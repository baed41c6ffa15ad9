r"""Trainers of reinforcement learning and the rows that each of them reads; a new trainer is one entry of ``TRAINERS``.

An entry says which file and columns the trainer reads, how it is pointed at them, which of its rules rewards an answer
(``reward_rules``), what that rule expects the prompt to ask for, and the form of its gold answer.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
import pyarrow as pa

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A row of ``prompts``: ``text`` is the question with the instruction; ``gold`` in plain form, without dollar signs
    and box; ``more``: id, topic, difficulty and the pass rate of each measured model, by column; ``index``: its place
    in the file of its ``split``.
    """

    text: str
    question: str
    gold: str
    more: Mapping[str, Any]
    split: str
    index: int

    @property
    def messages(self) -> list[Row]:
        return [{"role": "user", "content": self.text}]


@dataclass(frozen=True, slots=True)
class Trainer:
    """``gold``: the gold answer of a row; ``schema``: the columns of Parquet, by the names of the pass rates; None for
    lines of JSON; ``states``: how a response states its answer; ``asked``: what shows that a question asks so already.
    """

    title: str
    rule: str
    use: str
    row: Callable[[Prompt], Row]
    gold: Callable[[Row], str]
    schema: Callable[[Sequence[str]], pa.Schema] | None = None
    instruction: str = "Reason step by step, and put your final answer within \\boxed{}."
    states: str = "The answer is $\\boxed{ANSWER}$."
    asked: str = r"\\boxed"

    @property
    def ending(self) -> Literal["jsonl", "parquet"]:
        return "jsonl" if self.schema is None else "parquet"

    def prompt(self, question: str) -> str:
        """The question with the instruction, unless it has it."""
        return question if re.search(self.asked, question) else f"{question.rstrip()}\n\n{self.instruction}"


_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_BASE = [("question_id", pa.string()), ("topic", pa.string()), ("difficulty", pa.float64())]


def _more(rates: Sequence[str]) -> list[tuple[str, pa.DataType]]:
    return [*_BASE, *((name, pa.float64()) for name in rates)]


def _verl(prompt: Prompt) -> Row:
    return {
        "data_source": "DigitalLearningGmbH/MATH-lighteval",
        "prompt": prompt.messages,
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": prompt.gold},
        "extra_info": {"split": prompt.split, "index": prompt.index, **prompt.more},
    }


def _verl_schema(rates: Sequence[str]) -> pa.Schema:
    info = pa.struct([("split", pa.string()), ("index", pa.int64()), *_more(rates)])
    rule = pa.struct([("style", pa.string()), ("ground_truth", pa.string())])
    columns = [("data_source", pa.string()), ("prompt", _MESSAGES), ("ability", pa.string()), ("reward_model", rule)]
    return pa.schema([*columns, ("extra_info", info)])


def _skyrl(prompt: Prompt) -> Row:
    spec = {"method": "rule", "ground_truth": prompt.gold}
    return {
        "data_source": "scalequest",
        "prompt": prompt.messages,
        "env_class": "aime",
        "reward_spec": spec,
        "reward_model": spec,
        "extra_info": {"split": prompt.split, "index": prompt.index, **prompt.more},
    }


def _skyrl_schema(rates: Sequence[str]) -> pa.Schema:
    info = pa.struct([("split", pa.string()), ("index", pa.int64()), *_more(rates)])
    spec = pa.struct([("method", pa.string()), ("ground_truth", pa.string())])
    columns = [("data_source", pa.string()), ("prompt", _MESSAGES), ("env_class", pa.string())]
    return pa.schema([*columns, ("reward_spec", spec), ("reward_model", spec), ("extra_info", info)])


def _nemo_gym(prompt: Prompt) -> Row:
    row = {
        "responses_create_params": {"input": prompt.messages},
        "question": prompt.question,
        "expected_answer": prompt.gold,
        **prompt.more,
    }
    return {name: value for name, value in row.items() if value is not None}


def _trl(prompt: Prompt) -> Row:
    return {"prompt": prompt.messages, "solution": f"\\boxed{{{prompt.gold}}}", **prompt.more}


def _verifiers(prompt: Prompt) -> Row:
    info = orjson.dumps(dict(prompt.more)).decode()
    return {"question": prompt.text, "answer": prompt.gold, "info": info, "task": "math"}


def _slime(prompt: Prompt) -> Row:
    return {"prompt": prompt.messages, "label": prompt.gold, "metadata": {"rm_type": "math", **prompt.more}}


def _open_instruct(prompt: Prompt) -> Row:
    return {"messages": prompt.messages, "ground_truth": prompt.gold, "dataset": "math", **prompt.more}


def _texts(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, pa.string()) for name in names]


TRAINERS: dict[str, Trainer] = {
    "verl": Trainer(
        "verl",
        "verl: MATH",
        "data.train_files; data_source picks the rule of MATH, which reads the last \\boxed",
        _verl,
        lambda row: str(row["reward_model"]["ground_truth"]),
        _verl_schema,
    ),
    "trl": Trainer(
        "TRL (GRPO, RLOO)",
        "TRL: accuracy_reward",
        "load_dataset and reward_funcs=accuracy_reward, which takes the column solution",
        _trl,
        lambda row: str(row["solution"]),
        lambda rates: pa.schema([("prompt", _MESSAGES), *_texts("solution"), *_more(rates)]),
    ),
    "openrlhf": Trainer(
        "OpenRLHF",
        "OpenRLHF: math_reward_func",
        "--input_key input --label_key answer --apply_chat_template, and its example math_reward_func.py",
        lambda prompt: {"input": prompt.text, "answer": prompt.gold, **prompt.more},
        lambda row: str(row["answer"]),
    ),
    "skyrl": Trainer(
        "SkyRL",
        "SkyRL: aime",
        "data.train_data; the environment aime reads a last line 'Answer:' and takes its gold answer from reward_model,"
        " others from reward_spec",
        _skyrl,
        lambda row: str(row["reward_model"]["ground_truth"]),
        _skyrl_schema,
        "Reason step by step. The last line of your response must be 'Answer: ' and your final answer, nothing else.",
        "Answer: ANSWER",
        r"(?i)\banswer: ?\$|'Answer: '",
    ),
    "nemo-rl": Trainer(
        "NeMo-RL",
        "NeMo-RL: math",
        "a ResponseDataset with input_key problem and output_key expected_answer, and the math environment",
        lambda prompt: {"problem": prompt.text, "expected_answer": prompt.gold, **prompt.more},
        lambda row: str(row["expected_answer"]),
    ),
    "nemo-gym": Trainer(
        "NeMo-Gym",
        "NeMo-Gym: math_with_judge, its library part",
        "the resources server math_with_judge; fields without a value are left out",
        _nemo_gym,
        lambda row: str(row["expected_answer"]),
    ),
    "verifiers": Trainer(
        "verifiers, prime-rl",
        "verifiers: MathRubric",
        "load_dataset in an environment with MathRubric; info is JSON text, so that all rows have one schema",
        _verifiers,
        lambda row: str(row["answer"]),
        lambda rates: pa.schema(_texts("question", "answer", "info", "task")),
    ),
    "slime": Trainer(
        "slime",
        "slime: math",
        "--input-key prompt --label-key label --metadata-key metadata --apply-chat-template; rm_type is in each row",
        _slime,
        lambda row: str(row["label"]),
    ),
    "open-instruct": Trainer(
        "open-instruct",
        "open-instruct: math",
        "dataset_mixer_list; the column dataset names the verifier",
        _open_instruct,
        lambda row: str(row["ground_truth"]),
        lambda rates: pa.schema([("messages", _MESSAGES), *_texts("ground_truth", "dataset"), *_more(rates)]),
    ),
}
