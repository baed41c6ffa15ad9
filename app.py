"""The front door: the ``scalequest`` command. Reads the command line and turns errors into exit codes.

Exit codes: 0 done; 1 failed; 2 bad usage or bad input, one sentence on stderr; 130 interrupted, resumable. Heavy
imports stand inside the commands, so that a mistake is answered at once.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from store.errors import ScaleQuestError
from ui.cli import check as check_commands
from ui.cli import embed as embed_commands
from ui.cli import export as export_commands
from ui.cli import import_
from ui.cli import run as commands
from ui.cli import train as train_commands

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


class Parser(argparse.ArgumentParser):
    """Bad usage is an InputError like any other: one sentence, no usage block."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def parser() -> Parser:
    top = Parser(
        prog="scalequest",
        description="Synthesise, inspect and curate mathematical question-solution data by the ScaleQuest method.",
        epilog="Without a command, the page is served: `scalequest --port 7860` is `scalequest ui --port 7860`.",
    )
    verbs = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    ui = verbs.add_parser("ui", help="serve the page")
    _workspace(ui)
    ui.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s: this machine only)")
    ui.add_argument("--port", type=int, default=7860, help="(%(default)s)")
    ui.add_argument("--auth", type=Path, metavar="FILE", help="name:password lines; needed where --host lets others in")
    ui.set_defaults(call=commands.ui)

    run = verbs.add_parser("run", help="generate questions and solutions, or resume a run")
    _workspace(run)
    run.add_argument("--profile", metavar="NAME|FILE.toml", help="which models play which role (nano)")
    run.add_argument("--questions", type=int, metavar="N", help="generate N questions")
    run.add_argument("--accepted", type=int, metavar="N", help="keep exactly N pairs")
    run.add_argument("--max-questions", type=int, metavar="M", help="with --accepted: give up after M questions (20 N)")
    run.add_argument("--seed", type=int, metavar="S", help="the same seed gives the same texts on a CPU (0)")
    run.add_argument("--name", metavar="TEXT", help="a name for people")
    run.add_argument("--config", type=Path, metavar="FILE.toml", help="options and changes to the profile")
    run.add_argument(
        "--benchmark", action="append", metavar="FILE", help="drop overlaps with these questions; repeatable"
    )
    run.add_argument("--resume", metavar="RUN_ID", help="go on where this run stopped; all else comes from the run")
    run.add_argument("--json", action="store_true", help="one event a line on stdout")
    run.set_defaults(call=commands.run)

    bring = verbs.add_parser("import", help="bring your own data: a file or a data set becomes a run")
    kinds = ".jsonl[.gz], .json, .parquet, .csv, hf:NAME[:CONFIG][@SPLIT], or a workspace or snapshot to merge"
    bring.add_argument("source", metavar="FILE|hf:NAME", help=kinds)
    _workspace(bring)
    fields = "which column holds what, guessed from the names: query, response, answer (the reference answer), topic, "
    fields += "difficulty, reward, generator, id; repeatable"
    bring.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help=fields)
    bring.add_argument("--name", metavar="TEXT", help="a name for people (the file's)")
    bring.add_argument("--no-score", action="store_true", help="compute nothing: no language, topic, level, duplicates")
    bring.add_argument("--json", action="store_true", help="one event a line on stdout")
    bring.set_defaults(call=import_.import_)

    export = verbs.add_parser("export", help="the pairs of a filter as files that other tools load, with a manifest")
    _workspace(export)
    formats = "jsonl, parquet, messages, alpaca, sharegpt, prompt_completion, dpo, rejected, csv or hf"
    export.add_argument("--format", metavar="F", help=formats)
    export.add_argument("--out", type=Path, metavar="DIR", help="a folder that is not there yet")
    which = "which pairs, as the page has it in its address (all but those that a reviewer rejected)"
    export.add_argument("--filter", metavar="JSON|@FILE", help=which)
    export.add_argument("--full", action="store_true", help="all columns, of jsonl, parquet and csv; they import again")
    share = "this share goes to a file of its own; duplicates are never parted"
    export.add_argument("--validation", type=float, default=0.0, metavar="SHARE", help=share)
    export.add_argument("--same-answers", action="store_true", help="of dpo: keep pairs with one final answer too")
    export.add_argument("--license", metavar="NAME", help="for the card of hf, as the hub writes it: apache-2.0")
    again = "make an export anew and compare it, and its files, to the byte: 0 where all is identical, else 1"
    export.add_argument("--verify", type=Path, metavar="MANIFEST", help=again)
    export.add_argument("--json", action="store_true", help="one event a line on stdout")
    export.set_defaults(call=export_commands.export)

    check = verbs.add_parser("check", help="judge a stage of a stored run anew: an import, or a run that has ended")
    check.add_argument("run_id", metavar="RUN_ID")
    _workspace(check)
    stages = "near-duplicates, contamination, solvability, difficulty or reward"
    check.add_argument("--stage", required=True, metavar="STAGE", help=stages)
    what = "of contamination: drop overlaps with these questions; repeatable"
    check.add_argument("--benchmark", action="append", metavar="FILE", help=what)
    check.add_argument("--profile", metavar="NAME|FILE.toml", help="whose judge, difficulty or reward model (nano)")
    check.add_argument("--drop", action="store_true", help="of near-duplicates: drop them, not only mark them")
    check.add_argument("--json", action="store_true", help="one event a line on stdout")
    check.set_defaults(call=check_commands.check)

    embed = verbs.add_parser("embed", help="put questions on the map: vectors, and a layout in two dimensions")
    embed.add_argument("run_id", nargs="*", metavar="RUN_ID", help="of these runs (all)")
    _workspace(embed)
    what = "whose embedder begins the map (nano: offline, words and not meaning); a map keeps its own"
    embed.add_argument("--profile", metavar="NAME|FILE.toml", help=what)
    rebuild = "make a new map; areas that were drawn on the old one become invalid"
    embed.add_argument("--rebuild", "--anew", action="store_true", help=rebuild)
    embed.add_argument("--json", action="store_true", help="one event a line on stdout")
    embed.set_defaults(call=embed_commands.embed)

    _train(verbs.add_parser("train", help="train models"))

    trace = verbs.add_parser("trace", help="the whole story of one question: prompt, verdicts, solutions, rewards")
    trace.add_argument("question_id", metavar="QUESTION_ID")
    _workspace(trace)
    trace.add_argument("--json", action="store_true", help="as one object")
    trace.set_defaults(call=commands.trace)

    for verb, option, what in (
        ("snapshot", "FILE.duckdb", "a consistent copy of the database that notebooks and colleagues can open"),
        ("backup", "DIR", "a backup of the workspace's database, checked"),
    ):
        copy = verbs.add_parser(verb, help=what)
        _workspace(copy)
        copy.add_argument("--out", type=Path, required=True, metavar=option)
        copy.set_defaults(call=getattr(commands, verb))

    restore = verbs.add_parser("restore", help="a workspace from a backup")
    restore.add_argument("backup", type=Path, metavar="BACKUP")
    _workspace(restore)
    restore.set_defaults(call=commands.restore)

    delete = verbs.add_parser("delete", help="delete a run and everything it made")
    delete.add_argument("run_id", metavar="RUN_ID")
    _workspace(delete)
    delete.set_defaults(call=commands.delete)

    doctor = verbs.add_parser("doctor", help="what this machine can run, and whether a workspace is sound")
    doctor.add_argument("--workspace", type=Path, metavar="DIR")
    doctor.add_argument(
        "--gpus", type=int, metavar="N", help="print the commands that serve a profile on N GPUs instead"
    )
    doctor.add_argument("--profile", default="openai", metavar="NAME|FILE", help="which profile, with --gpus")
    doctor.add_argument("--gpu-memory", type=float, default=80, metavar="GIB", help="of each GPU, with --gpus")
    doctor.add_argument("--json", action="store_true", help="as one object")
    doctor.set_defaults(call=commands.doctor)
    return top


def _train(train: argparse.ArgumentParser) -> None:
    families = train.add_subparsers(dest="family", required=True, metavar="WHAT")
    qft = families.add_parser("qft", help="question fine-tuning: a model that solves problems learns to write them")
    _training(qft, "the model to start from: a folder or a hub id")
    _questions(qft, "questions to learn from: .jsonl, .json, .csv, .txt (also .gz), .parquet, or a data set of the hub")
    qft.set_defaults(call=train_commands.qft)

    qpo = families.add_parser("qpo", help="question preference optimisation: a generator learns to prefer rewrites")
    _training(qpo, "the generator to start from: a folder, a hub id, or a training's name")
    qpo.add_argument("--pairs", metavar="FILE", help="rows with chosen and rejected (the workspace's own pairs)")
    qpo.add_argument("--beta", type=float, help="of DPO (0.1)")
    fork = "the loss covers the token at which a pair parts alone: for edits, small models and few pairs"
    qpo.add_argument("--fork", action="store_true", default=None, help=fork)
    norm = "train the last norm's scale alone: for small models and few pairs"
    qpo.add_argument("--norm-only", action="store_true", default=None, help=norm)
    qpo.set_defaults(call=train_commands.qpo)

    pairs = families.add_parser("build-pairs", help="preference pairs for qpo: a generator's samples, rewritten")
    pairs.add_argument("--generator", metavar="MODEL", help="a folder, a hub id, or a training's name")
    helper = "who rewrites: nano (no model), a profile (its judge's model), or a TOML file with a [rewriter] table"
    pairs.add_argument("--rewriter", metavar="NAME|FILE.toml", help=helper)
    pairs.add_argument("--from-reviews", action="store_true", help="make pairs from reviewers' decisions instead")
    _workspace(pairs)
    pairs.add_argument("--name", metavar="NAME", help="of these pairs (the generator's)")
    pairs.add_argument("--n", type=int, default=10_000, help="how many samples are rewritten (%(default)s)")
    pairs.add_argument("--seed", type=int, default=0, metavar="S", help="of samples and directions (%(default)s)")
    pairs.add_argument("--template", metavar="ID", help="the generator's (the one that it was trained with)")
    pairs.add_argument("--revision", metavar="REV", help="of the generator on the hub")
    pairs.add_argument("--backend", metavar="NAME", help="the generator's: transformers or vllm (transformers)")
    pairs.add_argument("--device", help="the generator's: auto, cpu or cuda (auto)")
    pairs.add_argument("--max-tokens", type=int, metavar="N", help="of a sample (512)")
    pairs.add_argument("--json", action="store_true", help="one event a line on stdout")
    pairs.set_defaults(call=train_commands.build_pairs)

    scorer = families.add_parser(
        "difficulty", help="a scorer that reads a question and predicts how often it is failed"
    )
    _training(scorer, "the language model whose body it gets: a folder or a hub id")
    rates = "questions with fail_rate, pass_rate, or counts of samples and of right ones"
    scorer.add_argument("--rates", metavar="FILE|hf:NAME", help=rates)
    _questions(scorer, "where --rates has ids alone: files that have the ids and the questions")
    scorer.add_argument("--held-out", type=float, metavar="SHARE", help="questions for the final figure alone (0.1)")
    scorer.set_defaults(call=train_commands.difficulty)

    student = families.add_parser("student", help="does the data help? fine-tune on pairs, then ask held-out questions")
    _training(student, "the model to start from: a folder, a hub id, or nano (bundled: an unfinished solver)")
    student.add_argument("--data", metavar="FILE|hf:NAME", help="rows with query and response (the workspace's pairs)")
    chosen = "which of the workspace's pairs, as the page has it in its URL; rejected ones only where it asks for them"
    student.add_argument("--filter", metavar="JSON|@FILE", help=chosen)
    asked = "questions with answers, as GSM8K and MATH have them, or nano[:SEED]: fresh ones of the curriculum"
    student.add_argument("--held-out", dest="held", metavar="FILE|hf:NAME|nano", help=asked)
    student.add_argument("--held-out-limit", dest="held_limit", type=int, default=0, metavar="N", help="use so many")
    student.add_argument("--size", dest="limit", type=int, metavar="N", help="pairs of each student, drawn by its seed")
    student.add_argument("--seeds", type=int, metavar="K", help="students, on --seed and the numbers after it (1)")
    student.add_argument("--answer-tokens", type=int, metavar="N", help="of an answer at most (512)")
    student.add_argument("--against", metavar="NAME", help="a finished student to compare with on the same questions")
    student.set_defaults(call=train_commands.student)

    for family in ("reward", "judge"):  # not listed: they are not there yet, and say so
        families.add_parser(family).set_defaults(call=train_commands.missing)

    nano = families.add_parser("nano", help="rebuild the bundled nano family from nothing, or measure it")
    nano.add_argument("--out", type=Path, metavar="DIR", help="where the models go (the bundled folder)")
    nano.add_argument("--work", type=Path, default=Path(".nano-work"), metavar="DIR", help="checkpoints (%(default)s)")
    nano.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    nano.add_argument("--evaluate", action="store_true", help="measure the family on fresh problems instead")
    nano.add_argument("--seed", type=int, default=1, metavar="N", help="which fresh problems (%(default)s)")
    nano.add_argument("--json", action="store_true", help="one object a line on stdout")
    nano.set_defaults(call=commands.train_nano)


def _questions(verb: argparse.ArgumentParser, what: str) -> None:
    verb.add_argument("--questions", nargs="+", metavar="FILE|hf:NAME", help=what)
    verb.add_argument("--field", metavar="NAME", help="the field with the question (guessed)")


def _training(verb: argparse.ArgumentParser, base: str) -> None:
    """What every training takes. Numbers have no default here: the engine knows the paper's."""
    verb.add_argument("--base", metavar="MODEL", help=base)
    verb.add_argument("--revision", metavar="REV", help="of the base on the hub")
    verb.add_argument("--template", metavar="ID", help="the chat format, as in qwen-generate (guessed)")
    _workspace(verb)
    verb.add_argument("--name", metavar="NAME", help="the result goes to models/NAME in the workspace")
    verb.add_argument("--out", type=Path, metavar="DIR", help="or to this folder")
    verb.add_argument("--resume", action="store_true", help="go on where it stopped; all else comes from the folder")
    verb.add_argument("--json", action="store_true", help="one event a line on stdout")
    how = verb.add_argument_group("how it is trained; without these, as in the paper")
    for name, kind, what in (
        ("epochs", float, "times through the data"),
        ("lr", float, "peak learning rate; it falls as a cosine"),
        ("batch", int, "packed sequences, pairs or questions of one step"),
        ("micro-batch", int, "how much of a batch goes through the model at once (8)"),
        ("max-length", int, "tokens of a sequence"),
        ("warmup", float, "share of all steps, or their number from 1 on"),
        ("weight-decay", float, "of AdamW"),
        ("seed", int, "of order, adapters and samples (0)"),
        ("limit", int, "use so many rows, drawn by the seed"),
        ("samples", int, "texts sampled before and after (64; 0 is none)"),
        ("lora-rank", int, "with --lora (16)"),
        ("lora-alpha", int, "with --lora (32)"),
        ("lora-dropout", float, "with --lora (0.05)"),
        ("checkpoint-minutes", float, "time between two checkpoints (10)"),
    ):
        how.add_argument(f"--{name}", type=kind, metavar="N", help=what)
    how.add_argument("--lora", action="store_true", default=None, help="train adapters, merge them at the end")
    how.add_argument("--gradient-checkpointing", action="store_true", default=None, help="less memory, more time")
    how.add_argument("--device", help="auto, cpu or cuda (auto)")


def _workspace(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--workspace", type=Path, default=Path("workspace"), metavar="DIR", help="(%(default)s)")


def main(argv: Sequence[str] | None = None) -> int:
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
        args.insert(0, "ui")
    try:
        options = parser().parse_args(args)
        options.line = shlex.join(["scalequest", *args])  # a training keeps the line that repeats it
        code: int = options.call(options)
        return code
    except ScaleQuestError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT if error.refusal else FAILED
    except BrokenPipeError:  # the reader of our output, `head` say, has gone
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
