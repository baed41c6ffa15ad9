"""Final answers: extraction from a solution (``extract``), and which answers are equal.

Equality has three values. ``settle`` and ``compare`` decide what needs no parser, in microseconds; ``AnswerPool`` also
what does, in worker processes.
"""

from engine.text.answer_pool import AnswerPool
from engine.text.answer_structure import MAX_CHARS
from engine.text.equality import Equality, compare, settle
from engine.text.final_answer import extract
from engine.text.gold import against_gold
from engine.text.grouping import group
from engine.text.layout import normalise

__all__ = ["MAX_CHARS", "AnswerPool", "Equality", "against_gold", "compare", "extract", "group", "normalise", "settle"]
