"""Loads tokenizers as their files describe them, and refuses those that lose text.

transformers 5 builds some tokenizer classes from the vocabulary alone and puts its own pre-tokenizer and decoder in
place of the file's: a byte-level BPE saved under ``LlamaTokenizerFast`` (DeepSeekMath) then loses every blank, in
prompts and in answers, without an error (huggingface/transformers#48206). vLLM loads tokenizers through transformers.
"""

import atexit
import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from engine.config.profiles import Role
from engine.config.prompts import template
from engine.models.device import first_line
from store.errors import InputError

PROBE = "User:  Natalia sold 48/2 = 24 clips , then\n\n\\frac{3}{4} of $x^2$.\nGröße: 5 €, 東京 "
"""What a tokenizer must give back: blanks (two, before a comma, at the end), line breaks, digits, LaTeX, letters of two
and three bytes."""
_MARK = "\ue000"
"""A character for private use: in no vocabulary, so that nothing after it is joined with it."""
_REBUILT = ("LlamaTokenizer", "CodeLlamaTokenizer")
"""Classes in which transformers puts SentencePiece's rules in place of the file's."""


def load_tokenizer(source: str, revision: str | None = None, trust_remote_code: bool = False) -> Any:
    """The tokenizer of a model folder or hub id. A byte-level one is what its ``tokenizer.json`` says, whatever class
    it was saved under. Raises as transformers does where there is none."""
    import transformers

    options: dict[str, Any] = {"revision": revision} if revision else {}
    if is_byte_level(source, revision):
        return transformers.PreTrainedTokenizerFast.from_pretrained(source, **options)
    return transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=trust_remote_code, **options)


def begins_with_blank(tokenizer: Any) -> bool:
    """Whether the tokenizer puts a blank before every text, as SentencePiece's do (Llama 2, Mistral, InternLM2)."""
    return str(tokenizer.convert_ids_to_tokens(tokenizer.encode("a", add_special_tokens=False))[0]).startswith("\u2581")


def encode_continuations(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """The ids by which a model continues a prompt with these texts: without added tokens, and without the blank that
    SentencePiece puts before a text, which no model writes in the middle of one."""
    if not texts:
        return []
    plain: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    if not begins_with_blank(tokenizer):
        return plain
    mark, *marked = tokenizer([_MARK, *(_MARK + text for text in texts)], add_special_tokens=False)["input_ids"]
    cut = len(mark)
    return [ids[cut:] if ids[:cut] == mark else same for ids, same in zip(marked, plain, strict=True)]


def is_byte_level(source: str, revision: str | None = None) -> bool:
    """Whether the model has a ``tokenizer.json`` that decodes bytes (as GPT-2's): False without one."""
    decoder = _file(source, revision, "tokenizer.json").get("decoder") or {}
    return any(part.get("type") == "ByteLevel" for part in (decoder, *decoder.get("decoders", ())))


def is_misread(source: str, revision: str | None = None) -> bool:
    """Whether transformers and vLLM misread this tokenizer by themselves. Only its files are looked at."""
    stated = _file(source, revision, "tokenizer_config.json").get("tokenizer_class")
    if stated is None and _file(source, revision, "config.json").get("model_type") == "llama":
        stated = _REBUILT[0]  # as transformers chooses for such a model
    return str(stated).removesuffix("Fast") in _REBUILT and is_byte_level(source, revision)


@cache
def folder_for_vllm(source: str, revision: str | None = None) -> str | None:
    """A folder with the tokenizer that vLLM reads as ``load_tokenizer`` does, kept for the process's life; None where
    the model's own folder serves."""
    if not is_byte_level(source, revision):
        return None
    made = tempfile.TemporaryDirectory(prefix="scalequest-tokenizer-")
    atexit.register(made.cleanup)
    _save(load_tokenizer(source, revision), Path(made.name))
    return made.name


def _save(tokenizer: Any, folder: Path) -> None:
    tokenizer.save_pretrained(folder)
    # vLLM wants a configuration beside it; this kind leaves the choice of the class to the tokenizer's own settings.
    (folder / "config.json").write_text('{"model_type": "llama"}\n', encoding="utf-8")


def write_for_vllm(model: str, revision: str | None, folder: Path) -> None:
    """Write a tokenizer folder for vLLM's option ``--tokenizer``. InputError where the model has no usable
    tokenizer, or the folder is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("--out", str(folder), "is not an empty folder", "name a new one")
    role = Role("tokenizer", "tokenizer", "transformers", model, template("plain"))
    try:
        loaded = load_tokenizer(str(role.path or model), revision)
    except Exception as error:
        problem = f"has no tokenizer that can be loaded: {first_line(error)}"
        raise InputError("MODEL", model, problem, "check the folder, or the hub id and the network") from error
    try:
        check_round_trip(role, loaded)
    except InputError as error:
        raise InputError("MODEL", model, error.problem, error.remedy) from None
    try:
        _save(loaded, folder)
    except OSError as error:
        raise InputError("--out", str(folder), f"cannot be written: {first_line(error)}", "name another one") from error


def lost_text(decoded: str) -> str | None:
    """How ``PROBE`` came back, for a sentence; None where nothing was lost."""
    if decoded == PROBE:
        return None
    at = next((i for i, (a, b) in enumerate(zip(PROBE, decoded, strict=False)) if a != b), len(decoded))
    start = max(0, at - 8)
    return f"its tokenizer turns {PROBE[start : start + 24]!r} into {decoded[start : start + 24]!r}"


def check_round_trip(role: Role, tokenizer: Any) -> None:
    """InputError where the tokenizer loses text, which would spoil every prompt and answer without a sign."""
    ids = tokenizer.encode(PROBE, add_special_tokens=False)
    if (loss := lost_text(str(tokenizer.decode(ids, skip_special_tokens=True)))) is not None:
        remedy = "give a model whose tokenizer.json has the decoder that it was trained with"
        raise InputError(f"{role.role}.model", role.model, f"would be misread: {loss}", remedy)


def check_reads_alike(role: Role, tokenizer: Any) -> None:
    """InputError where a scorer's text becomes other ids than by the model's own files. Unlike ``check_round_trip``, it
    lets a tokenizer lose what it is made to lose, as that of an uncased encoder does."""
    own = load_tokenizer(str(role.path or role.model), role.revision, role.trust_remote_code)
    ids, expected = (one.encode(PROBE, add_special_tokens=False) for one in (tokenizer, own))
    remedy = "give a model whose tokenizer vLLM reads as its files say"
    if (problem := misreading(own, expected, ids)) is not None:
        raise InputError(f"{role.role}.model", role.model, f"would be misread: {problem}", remedy)


def misreading(own: Any, expected: Sequence[int], ids: Sequence[int]) -> str | None:
    """How ``ids`` of ``PROBE`` differ from ``expected`` ones, in the words of the model's own tokenizer; None where
    they are equal."""
    if list(ids) == list(expected):
        return None
    at = next((i for i, (a, b) in enumerate(zip(ids, expected, strict=False)) if a != b), min(len(ids), len(expected)))
    here, there = (own.convert_ids_to_tokens(list(some[at : at + 4])) for some in (ids, expected))
    return f"where its tokenizer.json gives the tokens {there}, it is given {here}"


def _file(source: str, revision: str | None, name: str) -> dict[str, Any]:
    """A JSON file of a folder or hub id; {} where there is none, or it cannot be read."""
    try:
        path = Path(source) / name if Path(source).is_dir() else _fetched(source, revision, name)
        read = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _fetched(model: str, revision: str | None, name: str) -> Path | None:
    from transformers.utils.hub import cached_file

    found = cached_file(model, name, revision=revision, _raise_exceptions_for_missing_entries=False)
    return Path(found) if found else None
