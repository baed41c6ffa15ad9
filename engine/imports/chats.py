"""Chats: lists of messages, and prompts that hold a chat as text. What is asked in them, and what is answered.

The response is the assistant's last turn and the question the user's turn before it. A turn of the user that only
answers what the assistant asks back ("Which base?" "Ten.") is no question: the one before it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.imports.values import parsed

USER, ASSISTANT, SYSTEM, OTHER = "user", "assistant", "system", "other"
_ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "instruction", "input", "question"), USER),
    **dict.fromkeys(("assistant", "gpt", "model", "bot", "chatgpt", "ai", "response", "answer"), ASSISTANT),
    **dict.fromkeys(("system", "developer"), SYSTEM),
}
_SPEAKER, _CONTENT = ("role", "from", "speaker"), ("content", "value", "text", "message", "prompt")
_REASONING = ("reasoning_content", "reasoning", "thinking")
_PAIRS = (("human", "assistant"), ("user", "assistant"), ("input", "output"), ("question", "answer"))
"""Keys of an object that holds a user's turn and the answer to it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """``plain``: role, text and reasoning are all that the message holds."""

    role: str
    text: str
    reasoning: str | None = None
    plain: bool = True


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is asked and answered. ``context``: the turns before the question that it may depend on, as text.
    ``whole``: nothing else is in the chat."""

    query: str | None
    response: Turn | None
    context: str
    whole: bool


def turns_of(value: Any) -> list[Turn] | None:
    """The turns of a list of messages, of one message, or of JSON text that spells them; None for anything else."""
    value = parsed(value)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list) or not value:
        return None
    turns: list[Turn] = []
    for message in value:
        found = _turns(message)
        if found is None:
            return None
        turns += found
    return turns


def _turns(message: Any) -> list[Turn] | None:
    if not isinstance(message, dict):
        return None
    speaker = next((message[key] for key in _SPEAKER if isinstance(message.get(key), str)), None)
    if speaker is None:
        for asked, answered in _PAIRS:
            if isinstance(message.get(asked), str) and isinstance(message.get(answered), str):
                plain = len(message) == 2
                system = [Turn(SYSTEM, message["system"])] if isinstance(message.get("system"), str) else []
                return [*system, Turn(USER, message[asked], None, plain), Turn(ASSISTANT, message[answered])]
        return None
    key = next((key for key in _CONTENT if key in message), None)
    if key is None and not any(
        name in message for name in (*_REASONING, "tool_calls", "function_call", "ground_truth")
    ):
        return None
    content = message.get(key) if key is not None else None
    text, inside = _text(content)
    thought = next((message[name] for name in _REASONING if isinstance(message.get(name), str)), None) or inside
    known = {*_SPEAKER, key, *(name for name in _REASONING if message.get(name) == thought)}
    plain = isinstance(content, str) and {*message} <= known
    return [Turn(_ROLES.get(speaker.strip().casefold(), OTHER), text, thought, plain)]


def _text(content: Any) -> tuple[str, str | None]:
    """The text and the reasoning of a message's content: a text, or a list of parts (texts, reasoning, pictures)."""
    if isinstance(content, str):
        return content, None
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return "", None
    texts: list[str] = []
    thoughts: list[str] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            kind = str(part.get("type") or "text")
            keys = ("text", "value", "content", "thinking", "reasoning")
            said = next((part[key] for key in keys if isinstance(part.get(key), str)), "")
            if kind in ("reasoning", "thinking", "thought"):
                thoughts.append(said)
            elif "text" in kind:
                texts.append(said)
    return "".join(texts), "\n".join(thoughts) or None


def exchange(turns: list[Turn], answered: bool = True) -> Exchange:
    """The question and, where ``answered``, the last response to it."""
    users = [place for place, turn in enumerate(turns) if turn.role == USER and turn.text.strip()]
    end = len(turns)
    response = None
    if answered and users:
        said = [
            place
            for place, turn in enumerate(turns)
            if turn.role == ASSISTANT and place > users[0] and (turn.text.strip() or turn.reasoning)
        ]
        if said:
            end = said[-1]
            response = turns[end]
    before = [place for place in users if place < end]
    if not before:
        return Exchange(None, response, "", False)
    place = _question(turns, before)
    others = len(turns) - 1 - (response is not None)
    context = "\n".join(turn.text for turn in turns[:end] if turn is not turns[place] and turn.role != SYSTEM)
    whole = not others and all(turn.plain for turn in turns) and turns[place].reasoning is None
    return Exchange(turns[place].text, response, context, whole)


def _question(turns: list[Turn], users: list[int]) -> int:
    at = len(users) - 1
    while at and "?" not in turns[users[at]].text:
        between = [
            turn for turn in turns[users[at - 1] + 1 : users[at]] if turn.role == ASSISTANT and turn.text.strip()
        ]
        if not between or not between[-1].text.rstrip().endswith("?"):
            break
        at -= 1
    return users[at]


_OPENING = re.compile(
    r"<\|im_start\|>[ \t]*(\w+)[ \t]*\n?|<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>\s*"
    r"|<start_of_turn>\s*(\w+)[ \t]*\n?|<[|\uff5c](user|assistant|system|human|bot)[|\uff5c]>\s*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"<\|im_end\|>|<\|eot_id\|>|<\|end_of_text\|>|<end_of_turn>|</?s>|<\|begin_of_text\|>|<\|endoftext\|>|<[be]os>"
    r"|<\|end\|>|<[|\uff5c](?:begin|end)[\u2581_]of[\u2581_]sentence[|\uff5c]>"
)
_INST = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?=\[INST\]|\Z)", re.DOTALL)
_SYS = re.compile(r"<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_WORD = re.compile(
    r"(?:^|\n)[ \t]*(?:(Human|User|Assistant)"
    r"|#{2,4}[ \t]*(Human|User|Assistant|Instruction|Input|Response|System|Answer))[ \t]*:[ \t]*\n?",
)
_OPEN_THOUGHT = re.compile(r"\s*(?:<think>|<thinking>|<\|begin_of_thought\|>)\s*\Z")


def may_be_transcript(text: str) -> bool:
    """Whether ``transcript`` has to look at the text: quick, and rarely wrong."""
    return (
        "<|" in text
        or "[INST]" in text
        or "Human:" in text
        or "User:" in text
        or "### " in text
        or "<start_of_turn>" in text
        or "\uff5c" in text
    )


def transcript(text: str) -> list[Turn] | None:
    """The turns of a text in a chat template (ChatML, Llama, Gemma, ``[INST]``) or with ``Human:`` and ``Assistant:``.

    None for a text that has none. An answer that is opened and empty, or only a ``<think>``, is left out.
    """
    turns = _templated(text) or _instructed(text) or _spoken(text)
    if turns is None or not any(turn.role == USER for turn in turns):
        return None
    last = turns[-1]
    if last.role == ASSISTANT and not _OPEN_THOUGHT.sub("", last.text).strip():
        turns.pop()
    return turns


def _pieces(text: str, opening: re.Pattern[str]) -> tuple[str, list[tuple[str, str]]]:
    """The text before the first opening, and by opening its role and the text up to the next."""
    found = list(opening.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    pieces = [
        (next(role for role in match.groups() if role), text[match.end() : end])
        for match, end in zip(found, ends, strict=True)
    ] if found else []  # fmt: skip
    return text[: found[0].start()] if found else text, pieces


def _templated(text: str) -> list[Turn] | None:
    before, pieces = _pieces(text, _OPENING)
    if not pieces:
        return None
    turns: list[Turn] = []
    thought = None
    for role, said in ((role, _CLOSING.sub("", said).strip()) for role, said in pieces):
        if role.casefold() == "think":  # s1: a turn of its own before that of the answer
            thought = said
            if turns and turns[-1].role == ASSISTANT and not turns[-1].text:
                turns.pop()
            continue
        turns.append(Turn(_ROLES.get(role.casefold(), OTHER), said, thought))
        thought = None
    if thought is not None:  # cut off in it
        turns.append(Turn(ASSISTANT, "", thought))
    head = _CLOSING.sub("", before).strip()
    return [Turn(SYSTEM, head), *turns] if head else turns


def _instructed(text: str) -> list[Turn] | None:
    turns: list[Turn] = []
    for asked, said in _INST.findall(text) if "[INST]" in text else ():
        system = _SYS.search(asked)
        if system is not None:
            turns.append(Turn(SYSTEM, system[1].strip()))
        turns.append(Turn(USER, _SYS.sub("", asked).strip()))
        if answer := _CLOSING.sub("", said).strip():
            turns.append(Turn(ASSISTANT, answer))
    return turns or None


def _spoken(text: str) -> list[Turn] | None:
    before, pieces = _pieces(text, _WORD)
    roles = [_ROLES.get(role.casefold(), OTHER) for role, _ in pieces]
    marked = "#" in text and re.search(r"#{2,4}[ \t]*(?:Instruction|Human|User)", text) is not None
    if not {USER, ASSISTANT} <= {*roles} or (before.strip() and not marked):
        return None
    turns = [Turn(SYSTEM, before.strip())] if before.strip() else []
    for role, (_, said) in zip(roles, pieces, strict=True):
        if turns and turns[-1].role == role == USER:  # an instruction and its input
            turns[-1] = Turn(USER, f"{turns[-1].text}\n\n{said.strip()}".strip())
        else:
            turns.append(Turn(role, said.strip()))
    return turns
