"""Tokenizers in the real families' form: text goes in and comes out whole, with one BOS, in every backend."""

from __future__ import annotations

import queue
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoTokenizer

from engine.config.profiles import Role
from engine.config.prompts import Template, template
from engine.config.sampling import Sampling
from engine.models.base import Completion, Failure
from engine.models.load import open_score, open_text
from engine.models.tokenizers import PROBE, check_reads_alike, is_misread, load_tokenizer, write_for_vllm
from engine.training import base
from store.errors import InputError
from tests.engine.models import families
from tests.engine.models.tiny import WAIT, ask, requests, texts
from tests.engine.models.vllm import needs_vllm
from tests.engine.models.vllm_server import serving

GREEDY = Sampling(temperature=0.0, max_tokens=24)
ANY = Template("plain", "{question}")
QUESTION = "Natalia sold 48 clips  in April.\nHow many are 48/2?"
PROMPTS = {
    "deepseek": template("deepseek-solve").render(QUESTION),
    "llama3": template("llama3-solve").render(QUESTION),
    "qwen2": template("qwen-solve").render(QUESTION),
    "internlm2": template("internlm2-reward").render(QUESTION),
}
BOS = {"deepseek": families.DEEPSEEK_BOS, "llama3": families.LLAMA3_BOS, "internlm2": "<s>"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model folder of each family."""
    root = tmp_path_factory.mktemp("families")
    return {family: families.causal(family, root / family) for family in families.FAMILIES}


def solver(model: Path | str, backend: str = "transformers", **changes: Any) -> Role:
    return Role("solver", "tiny", backend, str(model), ANY, device="cpu", dtype="float32", **changes)


def whole(results: list[Completion | Failure]) -> Completion:
    (result,) = results
    assert isinstance(result, Completion), result
    return result


@pytest.mark.parametrize("family", families.FAMILIES)
def test_text_comes_back_whole_and_is_split_as_the_file_says(folders: dict[str, Path], family: str) -> None:
    loaded = load_tokenizer(str(folders[family]))
    as_published = Tokenizer.from_file(str(folders[family] / "tokenizer.json"))
    for text in (PROBE, PROMPTS[family], "Two  blanks, \ta tab\n\n", "½ 🍎 n't , x_1"):
        ids = loaded.encode(text, add_special_tokens=False)
        assert ids == as_published.encode(text, add_special_tokens=False).ids
        assert loaded.decode(ids) == text


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_rendered_prompt_begins_with_one_bos_or_none(folders: dict[str, Path], family: str) -> None:
    model = open_text(solver(folders[family]))
    read = whole(ask(model, requests([PROMPTS[family]], GREEDY))).prompt_tokens
    model.close()
    ids = (
        Tokenizer.from_file(str(folders[family] / "tokenizer.json"))
        .encode(PROMPTS[family], add_special_tokens=False)
        .ids
    )
    assert read == len(ids)
    if family in BOS:
        bos = load_tokenizer(str(folders[family])).convert_tokens_to_ids(BOS[family])
        assert ids[0] == bos
        assert ids.count(bos) == 1


def test_only_files_that_vllm_would_misread_are_said_to_be(folders: dict[str, Path]) -> None:
    assert [family for family, folder in folders.items() if is_misread(str(folder))] == ["deepseek"]


@pytest.fixture
def lossy(folders: dict[str, Path], tmp_path: Path) -> Path:
    """A model whose tokenizer.json has lost the decoder that its vocabulary needs."""
    folder = tmp_path / "lossy"
    folder.mkdir()
    for path in folders["llama3"].iterdir():
        (folder / path.name).symlink_to(path)
    broken = Tokenizer.from_file(str(folder / "tokenizer.json"))
    broken.decoder = decoders.Fuse()
    (folder / "tokenizer.json").unlink()
    broken.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize("backend", ["transformers", pytest.param("vllm", marks=needs_vllm)])
def test_a_tokenizer_that_loses_text_is_refused_in_one_sentence(lossy: Path, backend: str) -> None:
    with pytest.raises(InputError) as refused:
        open_text(solver(lossy, backend))
    sentence = str(refused.value)
    assert sentence.startswith(f"solver.model '{lossy}' would be misread: its tokenizer turns 'User:  Natalia")
    assert sentence.endswith("; give a model whose tokenizer.json has the decoder that it was trained with.")
    assert "\n" not in sentence


@needs_vllm
def test_vllm_refuses_a_tokenizer_before_it_loads_the_weights(lossy: Path) -> None:
    (lossy / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"^solver\.model .* would be misread"):
        open_text(solver(lossy, "vllm"))


def test_a_scorer_and_a_training_refuse_it_too(lossy: Path) -> None:
    reward = Role("reward", "tiny", "logprob", str(lossy), ANY, device="cpu")
    with pytest.raises(InputError, match=r"^reward\.model .* would be misread"):
        open_score(reward)
    with pytest.raises(InputError, match=r"^--base .* would be misread"):
        base.load_tokenizer(str(lossy), None)


def test_a_training_reads_a_byte_level_llama_as_its_file_says(folders: dict[str, Path]) -> None:
    loaded = base.load_tokenizer(str(folders["deepseek"]), None)
    assert loaded.decode(loaded.encode(QUESTION, add_special_tokens=False)) == QUESTION
    assert base.guess_template(loaded, "tiny").id == "deepseek-generate"


def test_a_scorers_text_may_be_lost_as_its_files_say_and_not_otherwise(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    words = {"[UNK]": 0, "user": 1, "nat": 2, "##alia": 3, "sold": 4, ":": 5}
    uncased = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    uncased.normalizer, uncased.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    uncased.save(str(tmp_path / "tokenizer.json"))
    settings = '{"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}'
    (tmp_path / "tokenizer_config.json").write_text(settings)
    scorer = Role("reward", "tiny", "vllm-pooling", str(tmp_path), ANY)
    check_reads_alike(scorer, AutoTokenizer.from_pretrained(tmp_path))
    misread = replace(scorer, model=str(folders["deepseek"]))
    with pytest.raises(
        InputError, match=r"^reward\.model .* would be misread: where its tokenizer.json gives the tokens"
    ):
        check_reads_alike(misread, AutoTokenizer.from_pretrained(folders["deepseek"]))


@needs_vllm
@pytest.mark.parametrize("family", families.FAMILIES)
def test_vllm_reads_and_writes_the_same_text_as_transformers(folders: dict[str, Path], family: str) -> None:
    asked = requests([PROMPTS[family], PROMPTS[family] + " The", "User: "], GREEDY)
    results = []
    for backend in ("transformers", "vllm"):
        model = open_text(solver(folders[family], backend, slots=4))
        results.append(ask(model, asked))
        model.close()
    here, there = results
    if family != "internlm2":  # a random model writes bytes that are no characters, which byte fallback shows otherwise
        assert texts(there) == texts(here)
    assert [r.tokens for r in there] == [r.tokens for r in here]  # type: ignore[union-attr]
    assert [r.prompt_tokens for r in there] == [r.prompt_tokens for r in here]  # type: ignore[union-attr]
    assert any(" " in text for text, _, _ in texts(here))


@needs_vllm
def test_a_server_that_misreads_its_model_is_refused_until_it_has_the_saved_tokenizer(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = folders["deepseek"]
    write_for_vllm(str(folder), None, tmp_path / "tokenizer")
    asked = requests([PROMPTS["deepseek"]], GREEDY)
    near = open_text(solver(folder))
    expected = ask(near, asked)
    near.close()
    with serving(folder) as (server,):
        far = open_text(solver(server.model, "openai", urls=(server.url,)))
        (failed,) = ask(far, asked)
        far.close()
        other = open_text(solver(server.model, "openai", urls=(server.url,), server="other"))
        (blind,) = ask(other, asked)
        other.close()
        scorer = Role("reward", "far", "openai-pooling", server.model, ANY, urls=(server.url,))
        score: queue.Queue[Any] = queue.Queue()
        judged = open_score(scorer)
        judged.submit("s", [("Tom", None)], score.put)
        unread = score.get(timeout=WAIT)
        judged.close()
    assert isinstance(blind, Failure)
    assert "loses the blanks of the model 'served': it counts" in str(blind.error)
    assert isinstance(unread, Failure)
    assert "misreads the model 'served': its tokenizer turns 'User:  Natalia" in str(unread.error)
    assert isinstance(failed, Failure)
    assert failed.fatal
    assert "misreads the model 'served': its tokenizer turns 'User:  Natalia" in str(failed.error)
    assert str(failed.error).endswith("--out FOLDER` and start it with --tokenizer FOLDER.")
    with serving(folder, "--tokenizer", str(tmp_path / "tokenizer")) as (server,):
        for kind in ("vllm", "other"):
            far = open_text(solver(server.model, "openai", urls=(server.url,), server=kind))
            result = whole(ask(far, asked))
            far.close()
            assert texts([result]) == texts(expected)
            assert result.prompt_tokens == whole(expected).prompt_tokens


@needs_vllm
def test_a_server_that_puts_a_bos_before_every_prompt_still_reads_one(folders: dict[str, Path]) -> None:
    """Servers other than vLLM can't be told to leave it out; here it is vLLM, asked as if it were another."""
    asked = requests([PROMPTS["llama3"], "no BOS here"], GREEDY)
    near = open_text(solver(folders["llama3"]))
    expected = ask(near, asked)
    near.close()
    with serving(folders["llama3"]) as (server,):
        for kind in ("vllm", "other"):
            far = open_text(solver(server.model, "openai", urls=(server.url,), server=kind))
            results = ask(far, asked[:1])
            far.close()
            assert texts(results) == texts(expected[:1])
            assert whole(results).prompt_tokens == expected[0].prompt_tokens  # type: ignore[union-attr]
