"""Seeds by hash, so that no item's randomness depends on the clock, on order or on other items."""

import hashlib


def item_seed(run_seed: int, idx: int, purpose: str, sample: int = 0) -> int:
    """The seed of one model call: 63 bits, which fit a signed 64-bit column and a torch ``int64``.

    ``purpose`` distinguishes the calls of one item (``"question"``, ``"solution"``, ``"judge"``); ``sample`` numbers
    the solutions of one question. Equal arguments give equal seeds on every machine and Python.
    """
    text = f"{run_seed}/{idx}/{purpose}/{sample}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1
