"""``/api/export/NAME``: a finished export of the workspace as a zip file, streamed, for users whom the page lets in.

Where the page has a login, Gradio's is checked. Names are only compared with the names of the finished exports.
"""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import StreamingResponse

from engine.exports import finished
from store.database.workspace import Workspace
from store.errors import InputError
from ui.web.login import allowed
from ui.web.security import foreign


def routes(workspace: Workspace) -> APIRouter:
    """401 for who is not logged in, 403 for another site's page, 404 for what is not a finished export."""
    router = APIRouter()

    @router.get("/api/export/{name:path}")
    def download(name: str, request: Request) -> StreamingResponse:
        if not allowed(request):
            raise HTTPException(401, "Log in on the page first.")
        if foreign(request.headers):
            raise HTTPException(403, "This request comes from another site's page; open the app itself.")
        try:
            one = finished.find(workspace.path, name)
        except InputError as error:
            raise HTTPException(404, str(error)) from error
        headers = {"content-disposition": f'attachment; filename="{one.name}.zip"', "cache-control": "no-store"}
        return StreamingResponse(finished.zipped(one), media_type="application/zip", headers=headers)

    return router
