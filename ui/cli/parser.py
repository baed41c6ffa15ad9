"""The parser of the command line: its commands, their options and help texts. Trainings are in ``train_parser``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ui.cli import check, doctor, embed, export, import_, run, serve, train_parser, workspace
from ui.cli.options import add_json, add_workspace

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[Any]

BAD_INPUT = 2


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
    _ui(verbs)
    _run(verbs)
    _import(verbs)
    _export(verbs)
    _check(verbs)
    _embed(verbs)
    train_parser.add(verbs)
    _workspace_verbs(verbs)
    _doctor(verbs)
    return top


def _ui(verbs: Verbs) -> None:
    verb = verbs.add_parser("ui", help="serve the web page")
    add_workspace(verb)
    verb.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s: only this machine)")
    verb.add_argument("--port", type=int, default=7860, help="port to listen on (%(default)s); 0 takes any free port")
    users = "file of name:password lines; required when --host admits other machines"
    verb.add_argument("--auth", type=Path, metavar="FILE", help=users)
    verb.set_defaults(call=serve.serve)


def _run(verbs: Verbs) -> None:
    verb = verbs.add_parser("run", help="generate questions and solutions, or resume a run")
    add_workspace(verb)
    verb.add_argument("--profile", metavar="NAME|FILE.toml", help="models and their roles (nano)")
    verb.add_argument("--questions", type=int, metavar="N", help="generate N questions")
    verb.add_argument("--accepted", type=int, metavar="N", help="generate until N pairs are kept")
    verb.add_argument("--max-questions", type=int, metavar="M", help="with --accepted: stop after M questions (20 N)")
    verb.add_argument("--seed", type=int, metavar="S", help="random seed; on a CPU, equal seeds give equal texts (0)")
    verb.add_argument("--name", metavar="TEXT", help="name of the run")
    verb.add_argument("--config", type=Path, metavar="FILE.toml", help="run options and changes to the profile")
    benchmark = "drop questions that overlap with those in this file; repeatable"
    verb.add_argument("--benchmark", action="append", metavar="FILE", help=benchmark)
    verb.add_argument("--resume", metavar="RUN_ID", help="continue this run with its stored options")
    add_json(verb)
    verb.set_defaults(call=run.run)


def _import(verbs: Verbs) -> None:
    verb = verbs.add_parser("import", help="import a file or data set as a run, or merge a workspace")
    kinds = ".jsonl[.gz], .json, .parquet or .csv file, hf:NAME[:CONFIG][@SPLIT], or a workspace, snapshot or backup"
    verb.add_argument("source", metavar="FILE|hf:NAME", help=kinds)
    add_workspace(verb)
    fields = "column of a field (guessed from the names); fields: query, response, answer (the reference answer), "
    fields += "topic, difficulty, reward, generator, id; repeatable"
    verb.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN", help=fields)
    verb.add_argument("--name", metavar="TEXT", help="name of the run (the file's name)")
    no_score = "skip language, topic, level and duplicate detection"
    verb.add_argument("--no-score", action="store_true", help=no_score)
    add_json(verb)
    verb.set_defaults(call=import_.import_)


def _export(verbs: Verbs) -> None:
    verb = verbs.add_parser("export", help="export pairs as files that other tools load, with a manifest")
    add_workspace(verb)
    formats = "jsonl, parquet, messages, alpaca, sharegpt, prompt_completion, dpo, rejected, csv or hf"
    verb.add_argument("--format", metavar="F", help=formats)
    verb.add_argument("--out", type=Path, metavar="DIR", help="output folder, new or empty")
    which = "which pairs, as in the page's URL (all except those rejected by a reviewer)"
    verb.add_argument("--filter", metavar="JSON|@FILE", help=which)
    full = "jsonl, parquet and csv: write all columns, so that the file can be imported again"
    verb.add_argument("--full", action="store_true", help=full)
    share = "share of the rows for a validation file; duplicates stay in one file"
    verb.add_argument("--validation", type=float, default=0.0, metavar="SHARE", help=share)
    verb.add_argument("--same-answers", action="store_true", help="dpo: keep pairs with equal final answers")
    verb.add_argument("--license", metavar="NAME", help="hf: license in the dataset card, such as apache-2.0")
    verify = "compare an export with its manifest and the workspace; exit code 0 if all bytes are equal, else 1"
    verb.add_argument("--verify", type=Path, metavar="MANIFEST", help=verify)
    add_json(verb)
    verb.set_defaults(call=export.export)


def _check(verbs: Verbs) -> None:
    verb = verbs.add_parser("check", help="judge one stage of a finished or imported run again")
    verb.add_argument("run_id", metavar="RUN_ID")
    add_workspace(verb)
    stages = "near-duplicates, contamination, solvability, difficulty or reward"
    verb.add_argument("--stage", required=True, metavar="STAGE", help=stages)
    benchmark = "contamination: drop questions that overlap with those in this file; repeatable"
    verb.add_argument("--benchmark", action="append", metavar="FILE", help=benchmark)
    profile = "solvability, difficulty and reward: profile of the model (nano)"
    verb.add_argument("--profile", metavar="NAME|FILE.toml", help=profile)
    verb.add_argument("--drop", action="store_true", help="near-duplicates: drop them instead of only marking them")
    add_json(verb)
    verb.set_defaults(call=check.check)


def _embed(verbs: Verbs) -> None:
    verb = verbs.add_parser("embed", help="put questions on the map: embeddings and a layout in two dimensions")
    verb.add_argument("run_id", nargs="*", metavar="RUN_ID", help="runs whose questions to add (all)")
    add_workspace(verb)
    profile = "profile of the embedder for a new map (nano: offline, by words, not meaning)"
    verb.add_argument("--profile", metavar="NAME|FILE.toml", help=profile)
    rebuild = "make a new map; filters by area of the old one become invalid"
    verb.add_argument("--rebuild", action="store_true", help=rebuild)
    verb.add_argument("--anew", dest="rebuild", action="store_true", help=argparse.SUPPRESS)  # the old name
    add_json(verb)
    verb.set_defaults(call=embed.embed)


def _workspace_verbs(verbs: Verbs) -> None:
    trace = verbs.add_parser("trace", help="print one question's prompt, verdicts, solutions and rewards")
    trace.add_argument("question_id", metavar="QUESTION_ID")
    add_workspace(trace)
    add_json(trace, "print one JSON object")
    trace.set_defaults(call=workspace.trace)

    snapshot = verbs.add_parser("snapshot", help="write a consistent copy of the database, for a notebook, say")
    add_workspace(snapshot)
    snapshot.add_argument("--out", type=Path, required=True, metavar="FILE.duckdb", help="file to write")
    snapshot.set_defaults(call=workspace.snapshot)

    backup = verbs.add_parser("backup", help="write a verified backup of the workspace's database")
    add_workspace(backup)
    backup.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    backup.set_defaults(call=workspace.backup)

    restore = verbs.add_parser("restore", help="restore a workspace from a backup")
    restore.add_argument("backup", type=Path, metavar="BACKUP")
    add_workspace(restore)
    restore.set_defaults(call=workspace.restore)

    delete = verbs.add_parser("delete", help="delete a run and everything it made")
    delete.add_argument("run_id", metavar="RUN_ID")
    add_workspace(delete)
    delete.set_defaults(call=workspace.delete)


def _doctor(verbs: Verbs) -> None:
    verb = verbs.add_parser("doctor", help="report what this machine can run and whether a workspace is sound")
    verb.add_argument("--workspace", type=Path, metavar="DIR", help="workspace to check")
    gpus = "print the commands that serve a profile's models on N GPUs instead"
    verb.add_argument("--gpus", type=int, metavar="N", help=gpus)
    verb.add_argument("--profile", default="openai", metavar="NAME|FILE", help="with --gpus: profile (%(default)s)")
    memory = "with --gpus: memory of each GPU (%(default)s)"
    verb.add_argument("--gpu-memory", type=float, default=80, metavar="GIB", help=memory)
    add_json(verb, "print one JSON object")
    verb.set_defaults(call=doctor.doctor)
