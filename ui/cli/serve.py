"""``scalequest ui``: serves the page."""

from argparse import Namespace

from store.database.workspace import Workspace


def serve(options: Namespace) -> int:
    from ui import server

    with Workspace.open(options.workspace) as workspace:
        server.serve(workspace, options.host, options.port, options.auth)
    return 0
