"""The front door: the ``scalequest`` command. Reads the command line and turns errors into exit codes.

Exit codes: 0 done; 1 failed; 2 bad usage or bad input, one sentence on stderr; 130 interrupted, resumable. Heavy
imports stand inside the commands, so that a mistake is answered at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from store.errors import InputError, ScaleQuestError, StoreError
from ui import commands

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

    train = verbs.add_parser("train", help="train models")
    families = train.add_subparsers(dest="family", required=True, metavar="WHAT")
    nano = families.add_parser("nano", help="rebuild the bundled nano family from nothing, or measure it")
    nano.add_argument("--out", type=Path, metavar="DIR", help="where the models go (the bundled folder)")
    nano.add_argument("--work", type=Path, default=Path(".nano-work"), metavar="DIR", help="checkpoints (%(default)s)")
    nano.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    nano.add_argument("--evaluate", action="store_true", help="measure the family on fresh problems instead")
    nano.add_argument("--seed", type=int, default=1, metavar="N", help="which fresh problems (%(default)s)")
    nano.add_argument("--json", action="store_true", help="one object a line on stdout")
    nano.set_defaults(call=commands.train_nano)

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
    doctor.add_argument("--json", action="store_true", help="as one object")
    doctor.set_defaults(call=commands.doctor)
    return top


def _workspace(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--workspace", type=Path, default=Path("workspace"), metavar="DIR", help="(%(default)s)")


def main(argv: Sequence[str] | None = None) -> int:
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
        args.insert(0, "ui")
    try:
        options = parser().parse_args(args)
        code: int = options.call(options)
        return code
    except (InputError, StoreError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except ScaleQuestError as error:
        print(error, file=sys.stderr)
        return FAILED
    except BrokenPipeError:  # the reader of our output, `head` say, has gone
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
