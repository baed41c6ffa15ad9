"""The rows of a workspace as frozen dataclasses, one per table of the data model.

Field names are the column names. Times are UTC ``datetime``; ``seconds`` are wall seconds of the model call, ``tokens``
are generated tokens, None where nobody counted them, as in imports. ``dict`` fields are stored as JSON. Nothing here
knows how or where rows are stored.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

RunStatus = Literal["running", "paused", "done", "cancelled", "failed", "interrupted"]
RunKind = Literal["generate", "live", "import"]
FinishReason = Literal["stop", "length"]
STAGES: tuple[str, ...] = (
    "language",
    "duplicate",
    "contamination",
    "solvability",
    "difficulty",
    "solution",
    "pair",
)
"""The stages in order, after ``generated``."""
CORRECT = ("same", "different", "undecided")
"""How a solution's final answer compares with the question's gold answer; None without a gold answer."""
STATUS_OF = {"accept": "accepted", "reject": "rejected", "skip": "skipped"}
"""The review status that each action gives a question; without such an action it is ``unreviewed``."""


def now() -> datetime:
    """The current time, UTC, with its zone."""
    return datetime.now(UTC)


def question_id(run_id: str, idx: int) -> str:
    """``run_id-00000042``: sorts within a run as the questions were numbered."""
    return f"{run_id}-{idx:08d}"


def solution_id(question: str, sample: int) -> str:
    """``question_id-sample``."""
    return f"{question}-{sample}"


@dataclass(frozen=True, slots=True)
class Run:
    run_id: str
    name: str
    kind: RunKind
    config: dict[str, Any]
    config_hash: str
    seed: int
    status: RunStatus = "running"
    created_at: datetime = field(default_factory=now)
    ended_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    question_id: str
    run_id: str
    idx: int
    text: str
    generator: str
    template_id: str
    params: dict[str, Any]
    seed: int
    tokens: int | None
    finish_reason: FinishReason
    seconds: float = 0.0
    reference_answer: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judge said of one question at one stage; kept AND dropped are stored.

    ``score`` is the judge's number (P(solvable), fail rate, best reward, overlap share ...) or None; ``raw`` the
    judge's own words where it wrote any; ``reason`` a short fixed string, None when kept without remark.
    """

    question_id: str
    stage: str
    judge: str
    kept: bool
    score: float | None = None
    reason: str | None = None
    raw: str | None = None
    tokens: int = 0
    seconds: float = 0.0
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Solution:
    """One sample. ``text`` is the response without its ``reasoning``; ``tokens`` counts both, ``reasoning_tokens`` the
    reasoning alone. ``correct``: see ``CORRECT``.
    """

    solution_id: str
    question_id: str
    sample: int
    text: str
    answer: str | None
    solver: str
    seed: int
    tokens: int | None
    seconds: float
    finish_reason: FinishReason
    created_at: datetime = field(default_factory=now)
    reasoning: str | None = None
    reasoning_tokens: int | None = None
    correct: Literal["same", "different", "undecided"] | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """The measured pass rate of one model on one question: right rollouts / decided ones, None where none is decided.

    ``n`` rollouts, of which ``correct`` agree with the gold answer and ``undecided`` may; None where a data set says
    the rate alone. ``sampling``: the parameters of the rollouts, as far as they are known.
    """

    question_id: str
    model: str
    pass_rate: float | None
    n: int | None = None
    correct: int | None = None
    undecided: int | None = None
    mean_tokens: float | None = None
    sampling: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Reward:
    solution_id: str
    reward_model: str
    reward: float | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Label:
    """A fact about a question other than a verdict.

    Keys in use: ``topic``; ``level`` (as the data set that it came with calls it); ``near_duplicate`` (value: the other
    question_id, one row each); ``chosen`` (sample number of the best solution), ``majority_answer``, ``agreement``
    (0..1 as text), ``benchmark_item`` (text of the benchmark's question that was matched), ``checkability`` (whether a
    rule can check an answer: ``engine.text.checkability``), ``rejected`` (sample number of the solution that preference
    data rejects), ``repetition`` (share of repeated n-grams in the chosen solution).
    """

    question_id: str
    key: str
    value: str
    model: str


@dataclass(frozen=True, slots=True)
class QuestionSignature:
    """The hashes by which later questions are found to repeat this one (``engine.duplicates.signature``), made by
    ``method``. ``place``: rises in the order in which the run's questions were judged; None: in idx order.
    """

    question_id: str
    place: int | None
    method: str
    exact: int
    content: int
    mask: int
    size: int
    bands: bytes
    words: bytes


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """A failed item or a refused import row: ``run_id`` and the item's idx (or the source line)."""

    run_id: str
    idx: int
    stage: str
    message: str
    raw: str | None = None
    attempt: int = 1
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Spend:
    """What one model of a run has cost at one stage since its last such row: requests that were billed, the tokens that
    they read and wrote, and USD at the role's prices at that time."""

    run_id: str
    stage: str
    model: str
    requests: int
    tokens_in: int
    tokens_out: int
    cost_usd: float
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Decision:
    event_id: str
    question_id: str
    reviewer: str
    action: Literal["accept", "reject", "skip", "edit", "tag", "untag", "note", "undo"]
    payload: dict[str, Any] = field(default_factory=dict)
    batch_id: str | None = None
    queue: str | None = None
    sampling_p: float | None = None
    created_at: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Preference:
    pair_id: str
    chosen: str
    rejected: str
    direction: Literal["solvable", "difficult"]
    source: Literal["rewriter", "reviewer", "oracle", "funnel"]
    question_id: str | None = None
    created_at: datetime = field(default_factory=now)


Record = (
    Question | Verdict | Solution | Rate | Reward | Label | QuestionSignature | ErrorRow | Spend | Decision | Preference
)
"""What the writer takes; runs are created and updated by their own verbs."""
