"""The nano family's tokeniser and prompt format, and problems as token ids.

The format is ChatML with single-token markers. Digits are one token each, so that place values stay visible.
"""

import random
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import count, islice
from multiprocessing import get_context
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from engine.training.curriculum import Problem, Split, sample
from engine.training.fit import Example

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
PRE_QUERY = f"{START}user\n"
"""The pre-query template: where a user's question would begin (paper, section 2.1)."""
VOCABULARY = 1024


def asked(question: str) -> str:
    """What the judge and the difficulty scorer read."""
    return f"{PRE_QUERY}{question}{END}"


def to_solve(question: str) -> str:
    """The solver's prompt."""
    return f"{asked(question)}\n{START}assistant\n"


def train_tokenizer(seed: int = 0, problems: int = 20_000) -> Any:
    """Byte-level BPE of ``VOCABULARY`` tokens on curriculum text; every digit stays a token of its own."""
    rng = random.Random(seed)
    texts = (f"user\n{p.question}\nassistant\n{p.response}" for p in (sample(rng) for _ in range(problems)))
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[PAD, START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    built: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=core,
        eos_token=END,
        pad_token=PAD,
        bos_token=None,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
    return built


def encode(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Token ids without any added markers."""
    if not texts:
        return []
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    return ids


def solver_examples(tokenizer: Any, problems: list[Problem]) -> list[Example]:
    """Loss on the response and its end token only: the solver must not learn to write questions."""
    prompts = encode(tokenizer, [to_solve(p.question) for p in problems])
    answers = encode(tokenizer, [p.response + END for p in problems])
    return [Example(a + b, len(a)) for a, b in zip(prompts, answers, strict=True)]


def question_examples(tokenizer: Any, problems: list[Problem]) -> list[Example]:
    """QFT: loss over template, question and end token, as in the paper (section 2.1)."""
    return [Example(ids) for ids in encode(tokenizer, [asked(p.question) for p in problems])]


def _draw(job: tuple[int, int, int, Split, list[str] | None]) -> list[Problem]:
    seed, chunk, size, split, kinds = job
    rng = random.Random(f"{seed}:{chunk}")
    return [sample(rng, split=split, kinds=kinds) for _ in range(size)]


def problems(seed: int, *, split: Split = "train", kinds: list[str] | None = None, chunk: int = 4096,
             workers: int = 1, most: int | None = None) -> Iterator[list[Problem]]:  # fmt: skip
    """Fresh problems without end (or ``most`` chunks), in chunks that depend on (seed, chunk number) alone."""
    jobs = ((seed, number, chunk, split, kinds) for number in (count() if most is None else range(most)))
    if workers <= 1:
        yield from map(_draw, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        ahead = deque(pool.submit(_draw, job) for job in islice(jobs, 2 * workers))
        while ahead:
            yield ahead.popleft().result()
            ahead.extend(pool.submit(_draw, job) for job in islice(jobs, 1))
