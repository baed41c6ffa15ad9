"""Tokenizers and templates: text comes back whole in transformers and in vLLM, with one BOS, and stops are tokens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.checks import Row, compared, rows_of
from engine.config.profiles import Profile, Role
from engine.models.tokenizers import PROBE, folder_for_vllm, load_tokenizer, lost_text

PART = "tokenizers"
QUESTION = "Natalia sold 48/2 = 24 clips  in May.\nHow many are $\\frac{3}{4}$ of them?"


def rows(profile: Profile) -> Iterator[Row]:
    seen = set[tuple[str, str]]()
    for role in profile.roles:
        if role.backend == "linear" or (role.model, role.template.id) in seen:
            continue
        seen.add((role.model, role.template.id))
        yield from rows_of(PART, f"{role.name}, {role.template.id}", lambda role=role: _of(role))  # type: ignore[misc]


def _of(role: Role) -> Iterator[Row]:
    about = f"{role.name}, {role.template.id}"
    here = load_tokenizer(str(role.path or role.model), role.revision, role.trust_remote_code)
    there = _vllm_tokenizer(role)
    for where, tokenizer in (("transformers", here), ("vLLM", there)):
        loss = lost_text(str(tokenizer.decode(_ids(tokenizer, PROBE), skip_special_tokens=True)))
        measured = "whole" if loss is None else "changed"
        yield compared(PART, f"{about}: round trip in {where}", "whole", measured, loss is None, f"{loss}.")
    prompt = role.template.render(QUESTION)
    ids = _ids(here, prompt)
    same = ids == _ids(there, prompt)
    sentence = "transformers and vLLM read the prompt as different tokens."
    yield compared(PART, f"{about}: ids of its prompt", "equal", "equal" if same else "different", same, sentence)
    yield _one_bos(role, here, ids, about)
    if role.writes:
        yield _stops(role, here, about)


def _one_bos(role: Role, tokenizer: Any, ids: list[int], about: str) -> Row:
    bos = tokenizer.bos_token
    expected = int(bool(bos) and role.template.text.startswith(bos))
    found = ids.count(tokenizer.convert_tokens_to_ids(bos)) if bos else 0
    sentence = f"the prompt has {found} of the token {bos!r} where its template has {expected}."
    return compared(PART, f"{about}: BOS", str(expected), str(found), found == expected, sentence)


def _stops(role: Role, tokenizer: Any, about: str) -> Row:
    """Every stop of the template is one token, so that it can stop by its id."""
    texts = [stop for stop in role.template.stop if len(_ids(tokenizer, stop)) != 1]
    stops = len(role.template.stop)
    sentence = f"{', '.join(map(repr, texts))} is several tokens: the template is of another chat format."
    measured = f"{stops - len(texts)} tokens"
    return compared(PART, f"{about}: stops", f"{stops} tokens", measured, not texts, sentence)


def _vllm_tokenizer(role: Role) -> Any:
    """As vLLM loads it, from the folder that it is given."""
    from vllm.tokenizers import get_tokenizer

    source = str(role.path or role.model)
    folder = folder_for_vllm(source, role.revision)
    revision = None if folder else role.revision
    return get_tokenizer(folder or source, revision=revision, trust_remote_code=role.trust_remote_code)


def _ids(tokenizer: Any, text: str) -> list[int]:
    return [int(i) for i in tokenizer.encode(text, add_special_tokens=False)]
