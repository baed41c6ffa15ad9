"""The one exception tree of the product.

Every error that a user can cause or meet is a ``ScaleQuestError``; its text is one sentence for a person. The
leaves also inherit the matching built-in error, so that code which knows nothing of us can catch them.
"""


class ScaleQuestError(Exception):
    """Anything that goes wrong in a way that we can explain in a sentence."""

    refusal = False
    """Whether what was given is at fault, the workspace and its disk included: exit code 2, not 1."""


class InputError(ScaleQuestError, ValueError):
    """Bad input or bad usage, as one sentence: ``FIELD VALUE PROBLEM; REMEDY.``, so ``problem`` is a predicate."""

    refusal = True

    def __init__(self, field: str, value: object, problem: str, remedy: str) -> None:
        shown = repr(value) if not isinstance(value, str) else f"'{value}'"
        super().__init__(f"{field} {shown} {problem}; {remedy}" + ("" if remedy.endswith("?") else "."))
        self.field, self.value, self.problem, self.remedy = field, value, problem, remedy


class StoreError(ScaleQuestError, OSError):
    """The workspace cannot be opened, read or written: locked, newer, damaged, disk full."""

    refusal = True


class BackendError(ScaleQuestError, RuntimeError):
    """A model or a server failed. It writes no verdict: the item stays pending and a resume retries it."""


class ItemError(ScaleQuestError, RuntimeError):
    """One item failed (a prompt too long, say). It is recorded in ``errors``; the run goes on."""
