"""``scalequest tokenizer``: a model's tokenizer as a folder that vLLM reads right."""

from argparse import Namespace

from ui.cli.options import DONE


def write(options: Namespace) -> int:
    from engine.models.tokenizers import write_for_vllm

    write_for_vllm(options.model, options.revision, options.out)
    print(f"Written. Start vLLM with --tokenizer {options.out}")
    return DONE
