"""Tokenizers in the form in which the real model families publish theirs, trained on a few lines: what transformers and
vLLM make of such files is what the tests are about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from tests.engine.models import tiny

DEEPSEEK_BOS, DEEPSEEK_EOS = "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"
LLAMA3_BOS = "<|begin_of_text|>"
REWARD_TOKEN = "[UNUSED_TOKEN_130]"
REWARD_TOKEN_ID = 300
"""92527 in the real model, which has 92,544 tokens."""
CORPUS = [
    *tiny.CORPUS,
    "User: Natalia sold 48 clips in April.\n\nAssistant: She sold 48/2 = 24 clips in May.",
    "user\nWhat is 2 + 2?\nassistant\nThe answer is \\boxed{4}.",
]
_LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2_WORDS = _LLAMA3_WORDS.replace("{1,3}", "")


def deepseek(folder: Path) -> Path:
    """DeepSeekMath: a byte-level BPE saved under ``LlamaTokenizerFast``, for a Llama model."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("[\r\n]"), "isolated"),
            pre_tokenizers.Split(Regex(r"\s?\p{L}+"), "isolated"),
            pre_tokenizers.Split(Regex(r"\s?\p{P}+"), "isolated"),
            pre_tokenizers.Split(Regex("[一-龥ࠀ-一가-퟿]+"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    _train(made, 400)
    made.add_tokens([AddedToken(text, normalized=True) for text in (DEEPSEEK_BOS, DEEPSEEK_EOS)])
    settings = {
        "tokenizer_class": "LlamaTokenizerFast",
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": _added(DEEPSEEK_BOS),
        "eos_token": _added(DEEPSEEK_EOS),
        "pad_token": _added(DEEPSEEK_EOS),
        "unk_token": None,
        "legacy": True,
        "sp_model_kwargs": {},
        "use_default_system_prompt": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 4096,
    }
    return _save(folder, made, settings)


def llama3(folder: Path) -> Path:
    """Llama 3: byte-level under the generic class, with a post-processor that puts the BOS before every text, and with
    the clean-up of blanks switched on."""
    made = Tokenizer(models.BPE(ignore_merges=True))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_LLAMA3_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    _train(made, 400)
    special = [LLAMA3_BOS, "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    begin = processors.TemplateProcessing(
        single=f"{LLAMA3_BOS} $A", special_tokens=[(LLAMA3_BOS, made.token_to_id(LLAMA3_BOS))]
    )
    made.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), begin])
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": LLAMA3_BOS,
        "eos_token": "<|eot_id|>",
        "clean_up_tokenization_spaces": True,
        "model_max_length": 131072,
    }
    return _save(folder, made, settings)


def qwen2(folder: Path) -> Path:
    """Qwen2: byte-level under its own class, composed characters, no BOS."""
    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN2_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    _train(made, 400)
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in tiny.SPECIAL])
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "add_prefix_space": False,
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": None,
        "additional_special_tokens": tiny.SPECIAL[1:],
        "clean_up_tokenization_spaces": False,
        "model_max_length": 32768,
    }
    return _save(folder, made, settings)


def internlm2(folder: Path) -> Path:
    """InternLM2's reward model: a SentencePiece BPE with byte fallback. Chat markers are added tokens; the token at
    which the reward is read is in the vocabulary alone, so that its TEXT is read as several other tokens."""
    made = _sentence_piece()
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    made.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in ("<|im_start|>", "<|im_end|>")]
    )
    settings = {
        "tokenizer_class": "InternLM2Tokenizer",
        "pad_token": "</s>",
        **_SENTENCE_PIECE_SETTINGS,
    }
    return _save(folder, made, settings)


def llama2(folder: Path) -> Path:
    """Llama 2, and Mistral 7B: the same kind of vocabulary, whose blank before the text is put by a normalizer."""
    made = _sentence_piece()
    made.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    begin = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", made.token_to_id("<s>"))])
    made.post_processor = begin
    return _save(folder, made, {"tokenizer_class": "LlamaTokenizer", "legacy": False, **_SENTENCE_PIECE_SETTINGS})


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "deepseek": deepseek,
    "llama3": llama3,
    "qwen2": qwen2,
    "internlm2": internlm2,
}


SENTENCE_PIECE = {"llama2": llama2, "internlm2": internlm2}

_END = {"deepseek": DEEPSEEK_EOS, "llama3": "<|eot_id|>", "qwen2": "<|im_end|>", "internlm2": "</s>"}


def causal(family: str, folder: Path) -> Path:
    """The family's tokenizer with a random causal LM of its architecture (InternLM2's is a Llama in other names)."""
    FAMILIES[family](folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    shape = tiny.shape(tokenizer.get_vocab_size()) | {"eos_token_id": tokenizer.token_to_id(_END[family])}
    torch.manual_seed(1)
    model: Any
    if family == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**shape, num_key_value_heads=4))  # type: ignore[no-untyped-call]
    else:
        model = LlamaForCausalLM(LlamaConfig(**shape, num_key_value_heads=2))  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    return folder


_SENTENCE_PIECE_SETTINGS = {
    "add_bos_token": True,
    "add_eos_token": False,
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "clean_up_tokenization_spaces": False,
}


def _sentence_piece() -> Tokenizer:
    """A BPE with byte fallback and a few merges; ``REWARD_TOKEN`` is in it, but no added token."""
    special = ["<unk>", "<s>", "</s>"]
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256))]
    letters = sorted({"\u2581", *"".join(CORPUS).replace(" ", "\u2581").replace("\n", "")})
    found = [letter for letter in letters if len(letter.encode()) < 3 or letter == "\u2581"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    for letter in found:
        place = len(vocabulary) + (len(vocabulary) >= REWARD_TOKEN_ID)
        vocabulary[letter] = place
    vocabulary[REWARD_TOKEN] = REWARD_TOKEN_ID
    merges = []
    for left, right in (("\u2581", "T"), ("\u2581", "a"), ("h", "e"), ("i", "s"), ("\u2581", "s")):
        merges.append((left, right))
        vocabulary[left + right] = len(vocabulary)
    assert len(set(vocabulary.values())) == len(vocabulary) > REWARD_TOKEN_ID
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return made


def _train(made: Tokenizer, size: int) -> None:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        CORPUS * 20, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )


def _added(text: str) -> dict[str, Any]:
    flags = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    return {"__type": "AddedToken", "content": text, **flags}


def _save(folder: Path, made: Tokenizer, settings: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    return folder
