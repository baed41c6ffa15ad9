"""What `scalequest doctor` says of the profiles, and the servers that it tells how to launch."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from engine import doctor
from engine.config.profiles import load_profile
from engine.models.tokenizers import PROBE
from tests.engine.models import families
from tests.engine.models.vllm import needs_vllm
from tests.ui.cli.command import scalequest

GIB = 1 << 30


def launched(*options: object) -> list[dict[str, Any]]:
    found = scalequest("doctor", "--json", *options)
    assert found.returncode == 0, found.stderr
    servers: list[dict[str, Any]] = json.loads(found.stdout)
    return servers


def profiles_with(*gpus: doctor.Gpu) -> dict[str, doctor.ProfileState]:
    here = doctor.machine()
    packages = {**here.packages, "vllm": "0.32.0"}
    machine = doctor.Machine(here.python, here.system, 16, 256 * GIB, 200 * GIB, gpus, packages)
    return {profile.name: profile for profile in doctor.profiles(machine)}


def test_every_model_of_the_bundled_profiles_is_known_without_a_download() -> None:
    for profile in profiles_with(doctor.Gpu("a card", 80 * GIB)).values():
        for model in profile.models:
            assert model.memory_bytes, model
            assert model.where in ("bundled", "hub", "server", "package", "not fetched"), model
            if model.where != "bundled":
                assert model.licence
                assert model.context


def test_the_paper_profile_lacks_only_the_consent_to_run_the_rewards_code() -> None:
    paper = profiles_with(doctor.Gpu("a card", 80 * GIB))["paper"]
    assert paper.plan is not None
    assert "They take turns" in paper.plan
    assert "slots, 8,192 tokens a step) with ScaleQuest-DeepSeekMath-7B-QGen" in paper.plan
    (fault,) = paper.faults
    assert "pin reward.revision" in fault


def test_a_profile_that_never_ran_with_its_real_models_says_so() -> None:
    states = profiles_with()
    assert {name: bool(state.runs) for name, state in states.items()} == {
        "nano": True, "nano-adaptive": True, "openai": False, "paper": False, "scalediff": False, "small": False,
        "smol": True,
    }  # fmt: skip
    printed = scalequest("doctor").stdout
    after = {name: printed.partition(f"Profile {name}: ")[2].partition("Profile ")[0] for name in states}
    for name, state in states.items():
        assert ("Never yet run with its real models" in after[name]) is not bool(state.runs)
        assert all(ran in after[name] for ran in state.runs)


def test_models_with_an_adapter_are_placed_in_the_process_and_not_behind_a_server_of_their_base() -> None:
    printed = scalequest("doctor", "--gpus", 1, "--profile", "smol").stdout
    assert "api_server" not in printed
    for role in ("generator smol-qft", "judge", "solver", "reward"):
        assert re.search(rf'{role}: device = "cuda:0", in the process of the run', printed), printed


def test_a_small_card_is_told_to_take_turns_and_a_tiny_one_what_is_too_large() -> None:
    assert str(profiles_with(doctor.Gpu("a card", 24 * GIB))["paper"].plan).count(", then ") == 3
    tiny = profiles_with(doctor.Gpu("a card", 8 * GIB))["paper"]
    assert any("needs 1" in fault and "which has 8.0" in fault for fault in tiny.faults)


def test_a_template_of_another_format_is_found(tmp_path: Path) -> None:
    text = Path("assets/profiles/openai.toml").read_text(encoding="utf-8")
    (tmp_path / "wrong.toml").write_text(text.replace('"deepseek-generate"', '"qwen-generate"'), encoding="utf-8")
    state = doctor._profile(load_profile(str(tmp_path / "wrong.toml")), doctor.machine())
    assert any("does not have the format" in fault for fault in state.faults)


def test_a_machine_with_several_cards_is_told_what_is_on_each() -> None:
    plan = str(profiles_with(*[doctor.Gpu("NVIDIA A100-SXM4-80GB", 80 * GIB)] * 8)["paper"].plan).splitlines()
    assert [line.partition(":")[0] for line in plan] == ["Card 0", "Cards 1 to 4", "Cards 5 to 7"]


def test_four_gpus_of_24_gib_get_a_server_for_each_model_of_the_paper() -> None:
    made = launched("--gpus", 4, "--gpu-memory", 24)
    assert [server["gpu"] for server in made] == [0, 1, 2, 3]
    profile = load_profile("openai")
    named = {role.model: list(role.urls) for role in profile.roles if role.urls}
    assert {server["model"]: [server["url"]] for server in made} == named  # the profile works with them as it is


def test_a_model_whose_tokenizer_vllm_misreads_gets_one_that_it_reads_right() -> None:
    made = {server["model"].rpartition("/")[2]: server for server in launched("--gpus", 4)}
    deepseek = made.pop("ScaleQuest-DeepSeekMath-7B-QGen")
    folder = "tokenizers/ScaleQuest-DeepSeekMath-7B-QGen"
    assert deepseek["prepare"] == f"scalequest tokenizer {deepseek['model']} --out {folder}"
    assert deepseek["command"].endswith(f"--tokenizer {folder}")
    assert not any(server["prepare"] or "--tokenizer" in server["command"] for server in made.values())
    printed = scalequest("doctor", "--gpus", 8).stdout
    assert printed.count(deepseek["prepare"]) == 1


def test_a_tokenizer_is_written_as_its_file_says(tmp_path: Path) -> None:
    folder = families.causal("deepseek", tmp_path / "model")
    assert scalequest("tokenizer", folder, "--out", tmp_path / "out").returncode == 0
    written = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert written.decode(written.encode(PROBE, add_special_tokens=False)) == PROBE
    for model, out, sentence in (
        (folder, tmp_path / "out", "is not an empty folder; name a new one."),
        (tmp_path / "nothing", tmp_path / "new", "has no tokenizer that can be loaded"),
    ):
        refused = scalequest("tokenizer", model, "--out", out)
        assert refused.returncode == 2
        assert sentence in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_more_gpus_go_to_the_solver_and_every_url_is_printed() -> None:
    made = launched("--gpus", 8)
    assert sum("solver" in server["roles"] for server in made) > 3
    assert len({server["url"] for server in made}) == 9  # both generators share a card
    assert [server["gpu"] for server in made] == [0, 0, 1, 2, 3, 4, 5, 6, 7]
    memory = [float(server["command"].partition("--gpu-memory-utilization ")[2].split()[0]) for server in made]
    assert memory[0] + memory[1] <= 0.92
    assert all(f"--max-num-seqs {server['slots']} " in server["command"] for server in made)
    printed = scalequest("doctor", "--gpus", 8).stdout
    assert all(server["url"] in printed and server["command"] in printed for server in made)


def test_too_few_gpus_are_refused_with_what_is_needed() -> None:
    found = scalequest("doctor", "--gpus", 2, "--gpu-memory", 24)
    assert found.returncode == 2
    assert "use 4 GPUs" in found.stderr
    assert scalequest("doctor", "--gpus", 0).returncode == 2
    for memory in ("nan", "inf", "0", "-3"):
        refused = scalequest("doctor", "--gpus", 2, f"--gpu-memory={memory}")
        assert refused.returncode == 2
        assert "is not a size in GiB" in refused.stderr


def test_a_model_that_no_server_has_gets_its_place_beside_the_servers() -> None:
    printed = scalequest("doctor", "--gpus", 2, "--profile", "scalediff").stdout
    assert "AdaptThink" not in "".join(line for line in printed.splitlines() if line.startswith("CUDA"))
    assert "with AdaptThink-7B-delta0.05" in next(line for line in printed.splitlines() if "# Card 0" in line)
    assert '# difficulty: device = "cuda:0", in the process of the run' in printed


def test_models_of_this_process_are_served_by_engines_with_steps_and_memory() -> None:
    made = launched("--gpus", 1, "--profile", "nano")
    assert [server["roles"] for server in made] == [
        ["generator qgen-a"], ["generator qgen-b"], ["judge"], ["difficulty"], ["solver"]
    ]  # fmt: skip
    assert not any("--max-num-batched-tokens 0" in server["command"] for server in made)
    assert ["--runner pooling" in server["command"] for server in made] == [False, False, True, True, False]


def test_a_model_that_is_larger_than_a_card_gets_a_server_over_several(tmp_path: Path) -> None:
    text = Path("assets/profiles/openai.toml").read_text(encoding="utf-8")
    (tmp_path / "large.toml").write_text(text.replace("Qwen2-Math-7B-Instruct", "Qwen2-Math-72B-Instruct"))
    made = launched("--gpus", 8, "--gpu-memory", 80, "--profile", tmp_path / "large.toml")
    wide = [server for server in made if "--tensor-parallel-size" in server["command"]]
    assert wide
    for server in wide:
        cards = server["command"].partition("=")[2].split()[0].split(",")
        assert f"--tensor-parallel-size {len(cards)}" in server["command"]
        assert int(cards[0]) == server["gpu"]
    used = [one for server in made for one in server["command"].partition("=")[2].split()[0].split(",")]
    assert max(map(int, used)) < 8


def test_hours_of_a_million_pairs_are_expected_for_usual_cards() -> None:
    found = json.loads(scalequest("doctor", "--expect", "--profile", "paper", "--json").stdout)["expected"]
    hours = {(one["card"], one["cards"]): one["hours"] for one in found}
    assert {cards for _, cards in hours} == {1, 2, 4, 8}
    for card in {card for card, _ in hours}:
        assert hours[card, 1] > hours[card, 2] > hours[card, 4] > hours[card, 8] > 1
    # the paper's hours on eight A100 of 40 GB, without training (section 6), by slower software
    assert 8 * hours["A100, 40 GiB", 8] < 38.4 + 110.6 + 251.0 + 112.0
    assert hours["H100, 80 GiB", 1] < hours["A100, 80 GiB", 1] <= hours["A100, 40 GiB", 1]  # the same arithmetic
    solver = next(work for work in found[0]["work"] if "solver" in work["roles"])
    assert solver["hours"] == max(work["hours"] for work in found[0]["work"])  # solutions cost most, as in the paper


def test_servers_are_expected_to_share_no_time_but_on_a_card_that_holds_several() -> None:
    found = json.loads(scalequest("doctor", "--expect", "--profile", "openai", "--json").stdout)
    hours = {(one["card"], one["cards"]): one["hours"] for one in found["expected"]}
    assert ("A100, 40 GiB", 1) not in hours
    assert any("A100, 40 GiB: gpus 1 cannot hold the 4 models" in sentence for sentence in found["refused"])
    assert hours["A100, 40 GiB", 4] > hours["A100, 40 GiB", 8]
    assert all("turns" not in line for one in found["expected"] for line in one["lines"])


def test_a_model_of_unknown_size_is_asked_for_by_field(tmp_path: Path) -> None:
    text = Path("assets/profiles/openai.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace('"Qwen/Qwen2-Math-7B-Instruct"', '"my-judge"'), encoding="utf-8")
    printed = scalequest("doctor", "--expect", "--profile", tmp_path / "mine.toml").stdout
    assert "judge.model 'my-judge' has an unknown size; download it first, or give its folder." in printed
    refused = scalequest("doctor", "--gpus", 8, "--profile", tmp_path / "mine.toml")
    assert refused.returncode == 2
    assert "judge.model 'my-judge' has an unknown size" in refused.stderr


def test_a_profile_that_is_too_large_for_a_card_says_so_beside_those_that_hold_it(tmp_path: Path) -> None:
    text = Path("assets/profiles/paper.toml").read_text(encoding="utf-8")
    (tmp_path / "large.toml").write_text(
        text.replace('"Qwen/Qwen2-Math-7B-Instruct"', '"Qwen/Qwen2-Math-72B-Instruct"')
    )
    printed = scalequest("doctor", "--expect", "--profile", tmp_path / "large.toml")
    assert printed.returncode == 0
    assert "A100, 80 GiB: judge.model 'Qwen/Qwen2-Math-72B-Instruct' needs 1" in printed.stdout
    assert "tensor parallel 2" in printed.stdout


@needs_vllm
def test_vllm_understands_every_option_of_the_commands() -> None:
    made = [server for gpus in (1, 8) for server in launched("--gpus", gpus, "--gpu-memory", 180)]
    code = (
        "import json, sys; from vllm.entrypoints.launchers.cli_args import make_arg_parser\n"
        "from vllm.utils.argparse_utils import FlexibleArgumentParser\n"
        "asked = [make_arg_parser(FlexibleArgumentParser()).parse_args(words) for words in json.loads(sys.argv[1])]\n"
        "print(json.dumps([[one.model, one.port] for one in asked]))"
    )
    words = [shlex.split(server["command"])[4:] for server in made]
    ran = subprocess.run([sys.executable, "-c", code, json.dumps(words)], capture_output=True, text=True, check=True)
    parsed = json.loads(ran.stdout.splitlines()[-1])
    assert parsed == [[s["model"], int(s["url"].split(":")[2].split("/")[0])] for s in made]
