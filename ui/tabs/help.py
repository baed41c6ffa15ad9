"""The Help tab: the manual, opened at the topic of the tab shown before, or at the one in the address (``/help/map``).

The pages are the files of ``assets/manual``, as they are read on a code host too; only their links to each other and to
pictures are rewritten. ``index.md`` lists them: its sections and their order are those of the list of topics.
"""

import html
import re
from pathlib import Path
from typing import Any

import gradio as gr

from engine.paths import ASSETS
from ui.web import assets

MANUAL = ASSETS / "manual"
INDEX = "index"
_LINK = re.compile(r"\]\(([\w-]+)\.md\)")
_PICTURE = re.compile(r"\]\(\.\./screens/([\w-]+\.jpg)\)")
_LISTED = re.compile(r"^- \[([^\]]+)\]\(([\w-]+)\.md\)", re.MULTILINE)


def tab() -> None:
    """Draws the tab into the open blocks."""
    texts = pages()
    with gr.Row(elem_id="help", equal_height=False):
        with gr.Column(scale=0, min_width=230):
            component = assets.component("help", "topic")
            component["html_template"] = component["html_template"].replace("{topics}", contents())
            topics = gr.HTML(INDEX, **component, apply_default_css=False, elem_id="help-topics")
        with gr.Column(scale=1, min_width=320):
            page = gr.Markdown(texts[INDEX], latex_delimiters=[], elem_id="help-page")

    def choose(event: gr.EventData) -> tuple[str, str]:
        topic = event._data.get("topic") if isinstance(event._data, dict) else None
        known = topic if isinstance(topic, str) and topic in texts else INDEX
        return known, texts[known]

    # one after the other, so that the topic chosen last is the one that stays
    order: dict[str, Any] = {"trigger_mode": "multiple", "concurrency_limit": 1}
    topics.topic(choose, None, [topics, page], show_progress="hidden", **order)


def pages(folder: Path = MANUAL) -> dict[str, str]:
    """Topic -> Markdown, its links to other topics and its pictures as the page takes them."""

    def rewritten(text: str) -> str:
        return _PICTURE.sub(r"](screens/\1)", _LINK.sub(r"](help/\1)", text))

    return {file.stem: rewritten(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.md"))}


def contents(folder: Path = MANUAL) -> str:
    """Links to all topics as HTML, with a heading for each section of ``index.md``."""
    _, *sections = (folder / f"{INDEX}.md").read_text(encoding="utf-8").split("\n## ")
    parts = [_links([("All topics", INDEX)])]
    for section in sections:
        parts.append(f"<h3>{html.escape(section.partition(chr(10))[0])}</h3>{_links(_LISTED.findall(section))}")
    return "".join(parts)


def _links(topics: list[tuple[str, str]]) -> str:
    rows = (f'<li><a href="help/{topic}" data-topic="{topic}">{html.escape(title)}</a></li>' for title, topic in topics)
    return f"<ul>{''.join(rows)}</ul>"
