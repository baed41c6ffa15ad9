"""The shapes of the nano models, and how they go to disk and come back.

All are Qwen2 (head size 32), so that transformers and vLLM load them; fp32 in use, bf16 on disk.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2ForSequenceClassification
from transformers.utils import logging

from engine.training.nano.text import END, PAD, VOCABULARY

logging.disable_progress_bar()  # type: ignore[no-untyped-call]
HIDDEN, LAYERS, INNER, POSITIONS = 128, 4, 512, 512


def config(tokenizer: Any, hidden: int = HIDDEN, layers: int = LAYERS, inner: int = INNER) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 32,
        intermediate_size=inner,
        max_position_embeddings=POSITIONS,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        bos_token_id=None,
    )


def new_solver(tokenizer: Any, seed: int, device: str, **shape: int) -> Any:
    torch.manual_seed(seed)
    model: Any = Qwen2ForCausalLM(config(tokenizer, **shape))  # type: ignore[no-untyped-call]
    return model.to(device)


def new_scorer(solver: Any, seed: int, device: str) -> Any:
    """A one-logit scorer that starts from the solver's body."""
    torch.manual_seed(seed)
    one_label = {"num_labels": 1, "id2label": {0: "score"}, "label2id": {"score": 0}}
    settings = Qwen2Config.from_dict({**solver.config.to_dict(), **one_label})
    scorer: Any = Qwen2ForSequenceClassification(settings)  # type: ignore[no-untyped-call]
    scorer.model.load_state_dict(solver.model.state_dict())
    torch.nn.init.zeros_(scorer.score.weight)
    return scorer.to(device)


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Weights in bf16, config and tokeniser, as transformers writes them; the model itself stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in model.state_dict().items()}
    if getattr(model.config, "tie_word_embeddings", False):
        weights.pop("lm_head.weight", None)
    model.config.dtype = torch.bfloat16
    model.save_pretrained(folder, state_dict=weights)
    tokenizer.save_pretrained(folder)


def load(folder: Path, device: str = "cpu") -> Any:
    """A causal LM or a scorer, by what the folder's config says; fp32."""
    settings = Qwen2Config.from_pretrained(folder)
    scorer = "Qwen2ForSequenceClassification" in (settings.architectures or [])
    kind: Any = Qwen2ForSequenceClassification if scorer else Qwen2ForCausalLM
    return kind.from_pretrained(folder, dtype=torch.float32).to(device).eval()
