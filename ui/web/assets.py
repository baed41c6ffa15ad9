"""The page's scripts, templates and styles: ``assets/static``, a folder a component.

Scripts are ES modules. The app serves them itself under an address that holds a hash of them all, so that a browser may
keep them for good and never mixes two versions. They hold no data, so they are served without a login, as plotly.js is.
"""

import json
import posixpath
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import brotli
import gradio
import plotly
import xxhash
from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from engine.paths import ASSETS

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_STATIC = ASSETS / "static"
_GRADIO = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
MODULES = {path.relative_to(_STATIC).as_posix(): path.read_bytes() for path in sorted(_STATIC.rglob("*.js"))}
VERSION = xxhash.xxh3_64_hexdigest(repr(MODULES).encode())
_FIRST = ("shell/main.js", "home/main.js")
"""What a page of Home needs."""
_IMPORT = re.compile(r"""^import [^;]*?["'](\.[^"']+)["'];""", re.MULTILINE | re.DOTALL)
_FOREVER = "public, max-age=31536000, immutable"
_LOAD = """\
element.style.visibility = "hidden"; // nothing can be pressed before it works
import(new URL(%(path)s, document.baseURI).href).then(
  (module) => module.mount({ element, props, server, watch, emit: (name, data) => trigger(name, data) }),
).catch((error) => {
  console.error(error);
  element.textContent = "This part of the page could not be loaded. Reload the page.";
}).finally(() => (element.style.visibility = ""));
"""


def routes() -> APIRouter:
    """The address of every module."""
    router = APIRouter()

    @router.get("/scripts/{version}/{name:path}")
    def module(version: str, name: str, request: Request) -> Response:
        if version != VERSION or name not in MODULES:
            return PlainTextResponse("There is no such script in this version of the app; reload the page.", 404)
        headers = {"cache-control": _FOREVER, "vary": "accept-encoding"}
        if not in_brotli(request):
            return Response(MODULES[name], media_type="text/javascript", headers=headers)
        return Response(module_brotli(name), media_type="text/javascript", headers=headers | {"content-encoding": "br"})

    return router


@cache
def plotly_brotli() -> bytes:
    """plotly.js compressed: 4.8 MB become 1.2 MB, in half a second."""
    return bytes(brotli.compress(PLOTLY.read_bytes(), quality=9))


@cache
def module_brotli(name: str) -> bytes:
    return bytes(brotli.compress(MODULES[name], quality=9))


def in_brotli(request: Request) -> bool:
    """Whether the browser takes Brotli, as all do on this machine and over https."""
    return "br" in request.headers.get("accept-encoding", "")


@cache
def katex_files() -> dict[str, Path]:
    """The files of KaTeX in the installed Gradio, by the names under which they are served.

    The names of its script and stylesheet have a hash in them; those of its fonts are as the stylesheet has them.
    """
    named = {f"katex.{kind}": path for kind in ("js", "css") for path in _GRADIO.glob(f"katex-*.{kind}")}
    return named | {path.name: path for path in _GRADIO.glob("KaTeX_*")}


def component(folder: str, *events: str, parts: Sequence[str] = ()) -> dict[str, Any]:
    """Arguments of ``gr.HTML`` for the component of this folder: ``template.html``, ``style.css`` and ``main.js``.

    ``main.js`` exports ``mount(host)``, which Gradio calls each time it puts the component on the page. ``events`` are
    the names of what it emits: Gradio reads them from the text of the script. ``parts``: folders whose scripts it draws
    parts of itself with, and whose styles it needs.
    """
    names = f"// emits {', '.join(map(repr, events))}\n" if events else ""
    return {
        "html_template": template(folder),
        "css_template": "".join(map(style, (*parts, folder))),
        "js_on_load": names + _LOAD % {"path": json.dumps(address(f"{folder}/main.js"))},
    }


def call(module: str, function: str) -> str:
    """The ``js`` of an event of Gradio that calls a function of a module."""
    return f"() => import(new URL({json.dumps(address(module))}, document.baseURI).href).then((m) => m.{function}())"


def given(module: str, function: str) -> str:
    """The ``js`` of an event of Gradio whose first input is what a function of a module answers; an empty text for
    null.
    """
    module = f"import(new URL({json.dumps(address(module))}, document.baseURI).href)"
    return f"(...given) => {module}.then((m) => [m.{function}() || '', ...given.slice(1)])"


@cache
def head() -> str:
    """For the page's head: a script that comes before Gradio, and links, so that a browser fetches what the first tab
    needs together and early.
    """
    names = sorted(set().union(*map(_needed, _FIRST)))
    links = "".join(f'<link rel="modulepreload" href="{address(name)}">' for name in names)
    links += '<link rel="prefetch" href="vendor/plotly.min.js">'
    return f"<script>{MODULES['page/head.js'].decode()}</script>{links}"


def _needed(name: str) -> set[str]:
    """A module and all that it imports, directly or not."""
    found, open_ = {name}, [name]
    while open_:
        module = open_.pop()
        for path in _IMPORT.findall(MODULES[module].decode()):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(module), path))
            if other not in found:
                found.add(other)
                open_.append(other)
    return found


def address(name: str) -> str:
    """Where the page finds a module, relative to its own address."""
    return f"scripts/{VERSION}/{name}"


def template(folder: str) -> str:
    """The template of this folder. Gradio evaluates templates as JavaScript's template literals, which take a backslash
    for themselves.
    """
    return (_STATIC / folder / "template.html").read_text(encoding="utf-8").replace("\\", "\\\\")


def style(folder: str) -> str:
    """The stylesheet of this folder."""
    return (_STATIC / folder / "style.css").read_text(encoding="utf-8")
