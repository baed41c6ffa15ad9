"""The prompt templates of ``assets/prompts.toml`` by id, ``<chat format>-<purpose>``, and the parser of rewrites.

A template is a raw prefix with ``{question}`` where the question goes; pre-query templates have none and end where
the user's question would begin (the paper's section on question generation). No backend adds anything to a rendered
text, except that a chat server puts the templates of the format ``chat``, which are the user's words alone, into its
model's own.
"""

import re
import tomllib

from engine.config.validation import Texts, validated_dataclass
from engine.paths import ASSETS
from store.errors import InputError


@validated_dataclass
class Template:
    """A raw prefix with ``{question}``; ``stop`` strings end its continuation, ``end`` closes a solution."""

    id: str
    text: str
    stop: Texts = ()
    end: str = ""

    def render(self, question: str = "") -> str:
        """The exact text that a model reads."""
        return self.text.replace("{question}", question)

    @property
    def control_token(self) -> str | None:
        """The first token of a chat format in the text; None where it is plain words."""
        found = _CONTROL.search(self.text)
        return found.group() if found else None


CHAT_FORMAT = "chat"
"""The format whose templates are the user's words alone."""
_CONTROL = re.compile(r"<[|\uff5c][^<>]*?[|\uff5c]>|</?s>|<bos>|\[/?INST\]|<(?:start|end)_of_turn>")
_PRE_QUERY, _SOLVE = "-generate", "-solve"
_PROMPTS = tomllib.loads((ASSETS / "prompts.toml").read_text(encoding="utf-8"))


def _build() -> dict[str, Template]:
    templates = []
    for name, form in _PROMPTS["formats"].items():
        if form["before"]:
            templates.append(Template(f"{name}-generate", form["before"], form["stop"]))
        for purpose, user in _PROMPTS["purposes"].items():
            text = form["before"] + user + form["between"]
            templates.append(Template(f"{name}-{purpose}", text, form["stop"], form["end"]))
    templates += [Template(id=name, **fields) for name, fields in _PROMPTS["templates"].items()]
    return {template.id: template for template in templates}


TEMPLATES: dict[str, Template] = _build()


def template(template_id: str, field: str = "template") -> Template:
    """The template of that id; InputError names the field and the known ids."""
    try:
        return TEMPLATES[template_id]
    except KeyError:
        raise InputError(field, template_id, "does not exist", f"use one of {', '.join(sorted(TEMPLATES))}") from None


def pre_query(template_id: str, field: str = "template") -> Template:
    """The pre-query template of that id. InputError names the known ones."""
    found = template(template_id, field)
    if not template_id.endswith(_PRE_QUERY):
        known = ", ".join(sorted(t for t in TEMPLATES if t.endswith(_PRE_QUERY)))
        raise InputError(field, template_id, "is not a pre-query template", f"use one of {known}")
    return found


def solving(template_id: str, field: str = "template") -> Template:
    """The solver's template of that id. InputError names the known ones."""
    found = template(template_id, field)
    if not template_id.endswith(_SOLVE):
        known = ", ".join(sorted(t for t in TEMPLATES if t.endswith(_SOLVE)))
        raise InputError(field, template_id, "is not a template of a solver", f"use one of {known}")
    return found


def solving_like(pre_query_id: str) -> Template:
    """The solver's template of the chat format that this pre-query template belongs to."""
    return template(pre_query_id.removesuffix(_PRE_QUERY) + _SOLVE)


def pre_query_like(solving_id: str) -> Template:
    """The pre-query template of the chat format that this solver's template belongs to."""
    return template(solving_id.removesuffix(_SOLVE) + _PRE_QUERY)


def closing(pre_query_id: str) -> str:
    """The text after a question that continues this pre-query template, which a generator learns to end with."""
    return str(_PROMPTS["closings"][pre_query_id.removesuffix(_PRE_QUERY)])


_REWRITTEN = re.compile(r"rewritten\s+question\s*[*_`]*\s*:\s*[*_`]*", re.I)


def parse_rewrite(text: str) -> str | None:
    """The question after the last ``Rewritten question:``, or None where the rewriter wrote none."""
    parts = _REWRITTEN.split(text)
    rewritten = parts[-1].strip().strip("`").strip() if len(parts) > 1 else ""
    return rewritten or None
