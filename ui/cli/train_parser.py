"""The parser of ``scalequest train``. Numbers have no default here: the engine has those of the paper."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ui.cli import train, train_nano, train_rates
from ui.cli.options import add_json, add_workspace, command

if TYPE_CHECKING:
    from ui.cli.options import Verbs


def add(verbs: Verbs) -> None:
    train_verb = verbs.add_parser("train", help="train models")
    families = train_verb.add_subparsers(dest="family", required=True, metavar="WHAT")
    for add_family in (_qft, _qpo, _build_pairs, _rates, _confidence, _difficulty, _judge, _student, _nano):
        add_family(families)
    reward = families.add_parser("reward")  # not listed: it only says that it does not exist yet
    reward.set_defaults(call=train.missing)


def _qft(families: Verbs) -> None:
    verb = command(families, "qft", train.qft, "question fine-tuning: teach a problem-solving model to write questions")
    _training(verb, "model to start from: a folder or a hub id")
    sources = "questions to learn from: .jsonl, .json, .csv or .txt (or .gz of these), .parquet, or a hub data set"
    _questions(verb, sources)
    chosen = "also, or instead, learn from these questions of the workspace, as in the page's URL"
    verb.add_argument("--filter", metavar="JSON|@FILE", help=chosen)
    whole = "end a packed sequence before a question that does not fit, instead of cutting the question"
    verb.add_argument("--whole-texts", action="store_true", default=None, help=whole)


def _qpo(families: Verbs) -> None:
    verb = command(families, "qpo", train.qpo, "question preference optimisation: prefer rewritten questions, by DPO")
    _training(verb, "generator to start from: a folder, a hub id, or the name of a training")
    verb.add_argument("--pairs", metavar="FILE", help="rows with chosen and rejected (the workspace's pairs)")
    others = "use all of the workspace's pairs, not only those made from samples of --base"
    verb.add_argument("--any-generator", action="store_true", default=None, help=others)
    verb.add_argument("--beta", type=float, help="beta of DPO (0.1)")
    fork = "compute the loss only at the token where a pair diverges: for edits, small models and few pairs"
    verb.add_argument("--fork", action="store_true", default=None, help=fork)
    norm = "train only the scale of the last norm: for small models and few pairs"
    verb.add_argument("--norm-only", action="store_true", default=None, help=norm)


def _build_pairs(families: Verbs) -> None:
    verb = command(families, "build-pairs", train.build_pairs, "make preference pairs for qpo from rewritten samples")
    verb.add_argument("--generator", metavar="MODEL", help="a folder, a hub id, or the name of a training")
    rewriter = "nano (no model), a profile (its judge's model), or a TOML file with a [rewriter] table"
    verb.add_argument("--rewriter", metavar="NAME|FILE.toml", help=rewriter)
    verb.add_argument("--from-reviews", action="store_true", help="make pairs from reviewers' decisions instead")
    add_workspace(verb)
    verb.add_argument("--name", metavar="NAME", help="name of the pairs (the generator's)")
    verb.add_argument("--n", type=int, default=10_000, help="number of samples to rewrite (%(default)s)")
    verb.add_argument("--seed", type=int, default=0, metavar="S", help="random seed (%(default)s)")
    verb.add_argument("--template", metavar="ID", help="template of the generator (the one it was trained with)")
    verb.add_argument("--revision", metavar="REV", help="revision of the generator on the hub")
    verb.add_argument("--backend", metavar="NAME", help="backend of the generator: transformers or vllm (transformers)")
    verb.add_argument("--device", help="device of the generator: auto, cpu or cuda (auto)")
    verb.add_argument("--max-tokens", type=int, metavar="N", help="longest sample, in tokens (512)")
    cost = "stop when a paid rewriter has cost this much; a higher limit continues"
    verb.add_argument("--max-cost", type=float, metavar="USD", help=cost)
    add_json(verb)


def _difficulty(families: Verbs) -> None:
    verb = command(
        families, "difficulty", train.difficulty, "a scorer that predicts a question's fail rate from its text"
    )
    _training(verb, "language model to add a score head to: a folder or a hub id")
    rates = "questions with fail_rate, pass_rate, or counts of samples and of correct ones"
    verb.add_argument("--rates", metavar="FILE|hf:NAME", help=rates)
    _questions(verb, "files with ids and questions, where --rates has only ids")
    held_out = "share of the questions that only the final evaluation uses (0.1)"
    verb.add_argument("--held-out", type=float, metavar="SHARE", help=held_out)


def _judge(families: Verbs) -> None:
    what = "a judge of solvability, from real questions and the same ones altered"
    verb = command(families, "judge", train.judge, what)
    _training(verb, "language model to add a score head to: a folder or a hub id")
    _questions(verb, "real questions: .jsonl, .json, .csv or .txt (or .gz of these), .parquet, or a hub data set")
    held_out = "share of the questions that only the final evaluation uses (0.1)"
    verb.add_argument("--held-out", type=float, metavar="SHARE", help=held_out)


def _rates(families: Verbs) -> None:
    what = "measure how often a profile's solver fails each question, for difficulty"
    verb = command(families, "rates", train_rates.rates, what)
    verb.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="write the rates to this file")
    _measuring(verb)


def _confidence(families: Verbs) -> None:
    what = "calibrate how sure a profile's solver is of its greedy solutions, for difficulty by greedy-confidence"
    verb = command(families, "confidence", train_rates.confidence, what)
    out = "write the calibration to this file, with the answers beside it"
    verb.add_argument("--out", type=Path, required=True, metavar="FILE.json", help=out)
    _measuring(verb)


def _measuring(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--profile", required=True, metavar="NAME|FILE.toml", help="profile with the solver")
    sources = "questions with answers, as in GSM8K and MATH, or nano[:SEED], nano-dev[:SEED]"
    verb.add_argument("--questions", nargs="+", required=True, metavar="FILE|hf:NAME|nano", help=sources)
    verb.add_argument("--n", type=int, default=16, help="answers to each question (%(default)s)")
    verb.add_argument("--limit", type=int, default=0, metavar="N", help="use only N questions, drawn by the seed")
    verb.add_argument("--seed", type=int, default=0, metavar="S", help="random seed (%(default)s)")
    add_workspace(verb)
    add_json(verb)


def _student(families: Verbs) -> None:
    verb = command(
        families, "student", train.student, "fine-tune a model on pairs and measure it on held-out questions"
    )
    _training(verb, "model to start from: a folder, a hub id, or nano (bundled: a partly trained solver)")
    verb.add_argument("--data", metavar="FILE|hf:NAME", help="rows with query and response (the workspace's pairs)")
    chosen = "which pairs of the workspace, as in the page's URL; rejected ones only where it names that status"
    verb.add_argument("--filter", metavar="JSON|@FILE", help=chosen)
    held_out = "questions with answers, as in GSM8K and MATH, or nano[:SEED] for fresh ones of the nano curriculum"
    verb.add_argument("--held-out", dest="held", metavar="FILE|hf:NAME|nano", help=held_out)
    limit = "use only N held-out questions"
    verb.add_argument("--held-out-limit", dest="held_limit", type=int, default=0, metavar="N", help=limit)
    size = "pairs per student, drawn by its seed"
    verb.add_argument("--size", dest="limit", type=int, metavar="N", help=size)
    verb.add_argument("--seeds", type=int, metavar="K", help="number of students, on --seed and the seeds after it (1)")
    verb.add_argument(
        "--answer-tokens",
        type=int,
        metavar="N",
        help="longest answer, in tokens, within the model's context (2048, as in the paper)",
    )
    verb.add_argument("--against", metavar="NAME", help="finished student to compare with on the same questions")


def _nano(families: Verbs) -> None:
    verb = command(
        families, "nano", train_nano.train_nano, "rebuild the bundled nano models from scratch, or measure them"
    )
    verb.add_argument("--out", type=Path, metavar="DIR", help="folder of the models (the bundled one)")
    work = "folder of the checkpoints (%(default)s)"
    verb.add_argument("--work", type=Path, default=Path(".nano-work"), metavar="DIR", help=work)
    verb.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    verb.add_argument("--evaluate", action="store_true", help="measure the models on fresh problems instead")
    seed = "with --evaluate: seed of the problems (%(default)s)"
    verb.add_argument("--seed", type=int, default=1, metavar="N", help=seed)
    add_json(verb, "print JSON, one object per line")


def _questions(verb: argparse.ArgumentParser, what: str) -> None:
    verb.add_argument("--questions", nargs="+", metavar="FILE|hf:NAME", help=what)
    verb.add_argument("--field", metavar="NAME", help="field with the question (guessed)")


def _training(verb: argparse.ArgumentParser, base: str) -> None:
    verb.add_argument("--base", metavar="MODEL", help=base)
    verb.add_argument("--revision", metavar="REV", help="revision of the base on the hub")
    verb.add_argument("--template", metavar="ID", help="chat format, such as qwen-generate (guessed)")
    add_workspace(verb)
    verb.add_argument("--name", metavar="NAME", help="write the model to models/NAME in the workspace")
    verb.add_argument("--out", type=Path, metavar="DIR", help="write the model to this folder instead")
    verb.add_argument("--resume", action="store_true", help="continue a stopped training with its stored options")
    plan = "print the memory that a GPU needs, whole on several, with --low-memory or --lora, and load nothing"
    verb.add_argument("--plan", action="store_true", help=plan)
    add_json(verb)
    how = verb.add_argument_group("training options (defaults: the paper's)")
    for name, kind, what in (
        ("epochs", float, "passes through the data"),
        ("lr", float, "peak learning rate of the schedule"),
        ("batch", int, "packed sequences, pairs or questions per step"),
        ("micro-batch", int, "part of a batch that goes through the model together (8)"),
        ("gpus", int, "GPUs that share model and batch (1)"),
        ("max-length", int, "longest sequence, in tokens"),
        ("warmup", float, "share of all steps, or from 1 on their number"),
        ("weight-decay", float, "weight decay of AdamW"),
        ("seed", int, "seed of order, adapters and samples (0)"),
        ("limit", int, "use only N rows, drawn by the seed"),
        ("samples", int, "texts sampled before and after the training (64; 0 for none)"),
        ("lora-rank", int, "with --lora: rank (16)"),
        ("lora-alpha", int, "with --lora: alpha (32)"),
        ("lora-dropout", float, "with --lora: dropout (0.05)"),
        ("checkpoint-minutes", float, "minutes between two checkpoints (10)"),
    ):
        how.add_argument(f"--{name}", type=kind, metavar="N", help=what)
    how.add_argument("--schedule", metavar="NAME", help="how the learning rate falls: cosine or linear (cosine)")
    how.add_argument("--lora", action="store_true", default=None, help="train adapters, saved apart and merged")
    less = "use less memory and more time"
    how.add_argument("--gradient-checkpointing", action="store_true", default=None, help=less)
    low = "train all weights of a model in bfloat16 on one GPU: half the memory, with --gradient-checkpointing"
    how.add_argument("--low-memory", action="store_true", default=None, help=low)
    how.add_argument("--device", help="auto, cpu or cuda (auto)")
    dtype = "compute in float32 or bfloat16 (auto: bfloat16 on a GPU)"
    how.add_argument("--dtype", metavar="NAME", help=dtype)
