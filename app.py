"""The ``scalequest`` command: reads the command line and turns errors into exit codes.

Exit codes: 0 done; 1 failed; 2 bad usage or bad input, one sentence on stderr; 130 interrupted, resumable. The commands
import what is heavy inside, so that a mistake is answered quickly.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from store.errors import ScaleQuestError
from ui.cli.options import BAD_INPUT, FAILED, INTERRUPTED
from ui.cli.parser import parser


def main(argv: Sequence[str] | None = None) -> int:
    args = list(sys.argv[1:] if argv is None else argv)
    if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
        args.insert(0, "ui")
    try:
        options = parser().parse_args(args)
        options.line = shlex.join(["scalequest", *args])  # stored with a training: the command that repeats it
        code: int = options.call(options)
        return code
    except ScaleQuestError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT if error.refusal else FAILED
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stderr.close()
        return FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
