"""``scalequest check``: a stage of a stored run judged anew, on the command line.

Knows neither SQL nor models. Heavy imports stand inside, so that bad input is answered at once.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from store.workspace import Workspace
from ui import terminal

DONE = 0


def check(options: Namespace) -> int:
    from engine import profiles
    from engine.checking.asked import asked
    from engine.checking.job import done_already

    folder = profiles.folder(options.workspace)
    wanted = asked(options.stage, options.benchmark or (), options.profile, folder, options.drop)
    with Workspace.open(options.workspace, create=False) as workspace:
        if done_already(workspace, options.run_id, wanted):
            said = f"Run {options.run_id} has had this check ({wanted.words}) already, and nothing has changed since."
            print(said, file=sys.stderr)
            return DONE
        from contextlib import closing

        from engine.checking.job import run
        from engine.control import Control
        from engine.jobs import interruptible
        from engine.room import Room

        control, show = Control(), terminal.Shown(options.json)
        with closing(Room()) as room, interruptible(control, "the same command goes on from what is stored"):
            result = run(workspace, options.run_id, wanted, show, room=room, control=control)
        return show.end({}, show.last.get("report", ""), result)
