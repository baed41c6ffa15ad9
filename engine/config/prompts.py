"""Every template and stop token, by id: ``<chat format>-<purpose>``.

A template is a raw prefix with ``{question}`` where the question goes (none in the pre-query templates, which stop
where the user's question would begin: the paper's section on question generation). ``end`` is what closes a solution
when a reward model reads it. No backend adds anything to a rendered text. Judge and rewriting instructions are in our
own words. The authors' code has the names of its two rewriting prompts swapped; here ``solvable`` makes a question
solvable and ``difficult`` makes it harder. Nothing here knows of models, runs or files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.config.validation import Texts, validated_dataclass
from store.errors import InputError

SOLVER_SUFFIX = "Please reason step by step, and put your final answer within \\boxed{}."

JUDGE = """\
You check questions for a collection of mathematics problems. Read the question below and decide whether it can be used.

It can be used only if all of this is true:
1. It is a mathematics problem that asks for something definite.
2. Everything that is needed to find the answer is stated or is common mathematical knowledge.
3. Its conditions do not contradict each other and describe a possible situation.

Question:
{question}

Think it through in a few sentences. Do not give the full solution. Then write one last line, exactly one of:
Verdict: solvable
Verdict: not solvable"""

REWRITE_SOLVABLE = """\
You edit mathematics questions. The question below may lack something that is needed,
contradict itself, or describe an impossible situation. Change it as little as possible so that it becomes a complete
and consistent problem with one definite answer. Keep its subject and its style. If nothing is wrong, only make the
wording clearer.

Question:
{question}

First name what is missing or wrong, in one or two sentences. Then write a line `Rewritten question:` and after it the
question alone, without a solution."""

REWRITE_DIFFICULT = """\
You edit mathematics questions. Make the question below harder while it stays solvable: think
of ways to demand more reasoning (one more condition, one more step, a less direct quantity to find, larger
structure), choose one of them, and apply it. Add about 10 to 20 words. Keep its subject. Everything needed for the
answer must be stated.

Question:
{question}

First list the ways you see, then your plan for the one you chose. Then write a line `Rewritten question:` and after
it the question alone, without a solution."""


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


@dataclass(frozen=True, slots=True)
class _Format:
    """A chat format: what stands before the user's words, and between them and the assistant's."""

    before: str
    between: str
    end: str
    stop: tuple[str, ...]
    closing: str = ""
    """What closes the user's words, where it is not ``end``."""


_PRE_QUERY, _SOLVE = "-generate", "-solve"
_DEEPSEEK_BOS, _DEEPSEEK_EOS = "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"
_FORMATS = {
    "qwen": _Format(
        before="<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n",
        between="<|im_end|>\n<|im_start|>assistant\n",
        end="<|im_end|>",
        stop=("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    ),
    "deepseek": _Format(
        before=_DEEPSEEK_BOS + "User: ",
        between="\n\nAssistant:",
        end=_DEEPSEEK_EOS,
        stop=(_DEEPSEEK_BOS, _DEEPSEEK_EOS),
        closing="\n\n" + _DEEPSEEK_EOS,
    ),
    "llama3": _Format(
        before="<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
        between="<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        end="<|eot_id|>",
        stop=("<|eot_id|>", "<|end_of_text|>", "<|start_header_id|>"),
    ),
    "nano": _Format(
        before="<|im_start|>user\n",
        between="<|im_end|>\n<|im_start|>assistant\n",
        end="<|im_end|>",
        stop=("<|im_end|>",),
    ),
}


def _chat(name: str, purpose: str, form: _Format, user: str) -> Template:
    return Template(f"{name}-{purpose}", form.before + user + form.between, form.stop, form.end)


def _family(name: str, form: _Format) -> list[Template]:
    return [
        Template(f"{name}-generate", form.before, form.stop),
        _chat(name, "solve", form, "{question}\n" + SOLVER_SUFFIX),
        _chat(name, "judge", form, JUDGE),
        _chat(name, "rewrite-solvable", form, REWRITE_SOLVABLE),
        _chat(name, "rewrite-difficult", form, REWRITE_DIFFICULT),
    ]


def _build() -> dict[str, Template]:
    nano = _FORMATS["nano"]
    templates = [t for name in ("qwen", "deepseek", "llama3") for t in _family(name, _FORMATS[name])]
    templates += [
        Template("nano-generate", nano.before, nano.stop),
        _chat("nano", "solve", nano, "{question}"),
        Template("nano-score", nano.before + "{question}" + nano.end),
        # InternLM2's reward is read at a token of its own, which follows the closed conversation.
        Template(
            "internlm2-reward",
            "<s><|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n",
            end="<|im_end|>\n[UNUSED_TOKEN_130]",
        ),
        Template("plain", "{question}"),
    ]
    return {template.id: template for template in templates}


TEMPLATES: dict[str, Template] = _build()


def template(template_id: str, field: str = "template") -> Template:
    """The template of that id; InputError names the field and the known ids."""
    try:
        return TEMPLATES[template_id]
    except KeyError:
        raise InputError(field, template_id, "does not exist", f"use one of {', '.join(sorted(TEMPLATES))}") from None


def pre_query(template_id: str, field: str = "template") -> Template:
    """The template of that id, which must stop where a question would begin; InputError names those that do."""
    found = template(template_id, field)
    if not template_id.endswith(_PRE_QUERY):
        known = ", ".join(sorted(t for t in TEMPLATES if t.endswith(_PRE_QUERY)))
        raise InputError(field, template_id, "is not a pre-query template", f"use one of {known}")
    return found


def solving(template_id: str, field: str = "template") -> Template:
    """The template of that id, which must show the question and leave the solution to be written; InputError names
    those that do."""
    found = template(template_id, field)
    if not template_id.endswith(_SOLVE):
        known = ", ".join(sorted(t for t in TEMPLATES if t.endswith(_SOLVE)))
        raise InputError(field, template_id, "is not a template of a solver", f"use one of {known}")
    return found


def solving_like(pre_query_id: str) -> Template:
    """The solver's template of the chat format that this pre-query template belongs to."""
    return template(pre_query_id.removesuffix(_PRE_QUERY) + _SOLVE)


def pre_query_like(solving_id: str) -> Template:
    """The other way round."""
    return template(solving_id.removesuffix(_SOLVE) + _PRE_QUERY)


def closing(pre_query_id: str) -> str:
    """What closes a question that continues this pre-query template: the text that a generator learns to end with."""
    form = _FORMATS[pre_query_id.removesuffix(_PRE_QUERY)]
    return form.closing or form.end


_NEGATIVE = re.compile(r"no|not\s+solvable|unsolvable|not\s+usable|unusable|false", re.I)
_WORD = r"(not\s+solvable|unsolvable|solvable|yes|no|true|false)"
_MARKS = r"[ \t*_`\"'$]*"
_LABEL = r"\b(?:verdict|conclusion|final\s+answer|judge?ment)"
# The word must end its clause: "Conclusion: no information is missing" says nothing yet.
_LABELLED = re.compile(rf"{_LABEL}{_MARKS}(?::|is)?{_MARKS}{_WORD}(?={_MARKS}(?:[.,;!\n]|\Z))", re.I)
_BOXED = re.compile(rf"\\boxed\s*\{{\s*(?:\\text\s*\{{)?\s*{_WORD}\b[\s.]*\}}", re.I)
_ALONE = re.compile(rf"{_MARKS}{_WORD}{_MARKS}[.!]?{_MARKS}", re.I)


def parse_verdict(text: str) -> bool | None:
    """What a judge CONCLUDED: True, False, or None where it came to no conclusion.

    Read are a labelled verdict, a boxed one, or a last line that is nothing else; of several the last counts. Words
    inside the reasoning ("yes, 3 divides 12") are never read.
    """
    found = [(m.start(), m.group(1)) for pattern in (_LABELLED, _BOXED) for m in pattern.finditer(text)]
    if found:
        return _NEGATIVE.fullmatch(max(found)[1]) is None
    lines = [line for line in text.splitlines() if line.strip()]
    alone = _ALONE.fullmatch(lines[-1]) if lines else None
    return None if alone is None else _NEGATIVE.fullmatch(alone.group(1)) is None


_REWRITTEN = re.compile(r"rewritten\s+question\s*[*_`]*\s*:\s*[*_`]*", re.I)


def parse_rewrite(text: str) -> str | None:
    """The question after the last ``Rewritten question:``, or None where the rewriter wrote none."""
    parts = _REWRITTEN.split(text)
    rewritten = parts[-1].strip().strip("`").strip() if len(parts) > 1 else ""
    return rewritten or None
