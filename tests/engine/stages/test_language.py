"""The language stage: what is empty, cut off or not English, and what is mathematics and stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.stages import language
from store.records import FinishReason, Question


def asked(text: str, finish: FinishReason = "stop") -> Question:
    return Question("r1-00000000", "r1", 0, text, "g", "t", {}, 0, 10, finish)


@pytest.mark.parametrize("text", ["", "  \n", "?!", "$$ $$", "..."])
def test_a_text_without_letters_or_digits_is_empty(text: str) -> None:
    assert language.judge(asked(text)).reason == "empty"


def test_a_text_cut_off_at_the_token_limit_is_truncated() -> None:
    verdict = language.judge(asked("What is the sum of", "length"))
    assert (verdict.kept, verdict.reason, verdict.stage) == (False, "truncated", "language")


@pytest.mark.parametrize(
    "text",
    [
        "¿Cuántos números primos hay entre 10 y 50?",
        "Calcula el área de un triángulo con base 6 y altura 4.",
        "Un tren recorre 300 km en 4 horas. Cual es su velocidad media?",
        "Resuelve la ecuación $2x+3=7$.",
        "Halla el valor de x.",
        "Combien de nombres premiers y a-t-il entre 10 et 50 ?",
        "Marie a 12 pommes et en achète 5 de plus. Combien de pommes a-t-elle en tout ?",
        "Soit $f$ une fonction telle que $f(x)=x^2$. Trouver $f(3)$.",
        "Wie viele Primzahlen gibt es zwischen 10 und 50?",
        "Löse die Gleichung $2x+3=7$.",
        "Ein Zug fährt 300 km in 4 Stunden. Wie schnell ist er im Durchschnitt?",
        "Quantos números primos existem entre 10 e 50?",
        "Calcola l'area di un triangolo con base 6 e altezza 4.",
        "Hoeveel priemgetallen zijn er tussen 10 en 50?",
        "Ile jest liczb pierwszych między 10 a 50?",
        "10 ile 50 arasında kaç tane asal sayı vardır?",
        "Berapa banyak bilangan prima antara 10 dan 50?",
        "Hur många primtal finns det mellan 10 och 50?",
        "Hány prímszám van 10 és 50 között?",
        "Ngapi namba tasa ziko kati ya 10 na 50 katika orodha hii?",
        "10和50之间有多少个质数？",
        "Solve: 求 $x$ 的值。",
        "Сколько простых чисел между 10 и 50?",
        "Πόσοι πρώτοι αριθμοί υπάρχουν μεταξύ 10 και 50;",
        "كم عدد الأعداد الأولية بين 10 و 50؟",
        "10과 50 사이에 소수가 몇 개 있습니까?",
    ],
)
def test_questions_in_other_languages_are_dropped(text: str) -> None:
    assert language.judge(asked(text)).reason == "non_english"


@pytest.mark.parametrize(
    "text",
    [
        "2x + 3 = 7",
        "$x^2 - 4 = 0$",
        "Compute $\\sqrt{16}$.",
        "Simplify $3x+4x$.",
        "What is 15% of 80?",
        "∫₀^π sin(x) dx = ?",
        "If θ = 30°, find sin θ.",
        "“How many” primes are < 20?",
        "12 ÷ 4 × 3",
        "José has 5 apples. How many are left after he eats 2?",
        "Poincaré’s café sells crêpes at $3 each. What do 4 cost?",
        "Find $\\alpha+\\beta$ if αβ = 6 and α² + β² = 13.",
        "sin αβ cos βγ tan γδ",
        "gcd(12, 18)",
        "lim_{x→0} sin(x)/x",
        "∑_{k=1}^{n} k",
        "Let ℝ be the reals and 𝑓(𝑥)=𝑥². Find 𝑓(3).",
        "Multiply 12 by 7",
        "Differentiate ln x",
        "Pedro, Juan, Luis, Carlos, Ana and Diego share 30 pesos equally. How much does each get?",
    ],
)
def test_mathematics_in_english_or_without_words_is_kept(text: str) -> None:
    assert language.judge(asked(text)).kept


@pytest.mark.parametrize(
    "text",
    [
        "In triangle ABC, DE ∥ BC and DE = 4, BC = 6. Find AD : DB.",
        "DE = 3, EL = 4, LA = 5. Find DEL.",
        "DE LA UN: cryptarithm DE + LA = UN, distinct digits, max UN?",
        "es + la = un; e=1, s=2, l=3, a=0, u=1. Find n.",
        "sin de + cos el",
        "If un = 2n and vn = un + 1, find v3.",
        "Diagonals bisect perpendicularly; quadrilateral kite classification theorem statement.",
        "Convex quadrilateral inscribed circumscribed simultaneously: bicentric circumradius inradius formula",
        "Binomial coefficients modulo primes: Lucas theorem application exercise",
        "Numerator denominator swapped fraction reciprocal multiplicative inverse",
        "Let ℵ_0 be countable and ℵ_1 the next cardinal; compare ℵ_0 + ℵ_1.",
        "Planck's ℎ and ℏ: compute ℎ/ℏ if ℎ = 2πℏ.",
        "ＡＢ ＝ ５, ＢＣ ＝ ６, find ＡＣ if ∠Ｂ ＝ ９０°",
        "Let Ш denote the Tate–Shafarevich group of an elliptic curve E and suppose that Ш is finite. Show its order "
        "is a square.",
        "The mathematician Чебышёв proved in 1852 that there is always a prime between n and 2n, for every integer n "
        "greater than one. How many primes are there between 10 and 20?",
    ],
)
def test_mathematics_that_looks_like_another_language_is_kept(text: str) -> None:
    assert language.judge(asked(text)).kept


@pytest.mark.parametrize(
    "text",
    [
        "求 2+3=?",
        "Find 小明有五个苹果，吃了两个，还剩几个？",
        "Let x = 5. 那么 x+3 等于多少？请写出详细的解题步骤。",
        "計算 $\\frac{1}{2}+\\frac{1}{3}$",
        "2+3 =いくつ",
        "Find x: если 2x+3=7, чему равен x?",
        "Вычислить: sin 30°",
        "חשב את 2+3",
        "कितने 2+3",
        "จงหา x",
        "ΑΒΓ τρίγωνο με ΑΒ = 5. Βρες το ΒΓ.",
        "$x+y=7$ 이고 $xy=12$ 일 때, solve for $x$.",
    ],
)
def test_a_text_mostly_in_another_script_is_dropped_however_much_latin_it_has(text: str) -> None:
    assert language.judge(asked(text)).reason == "non_english"


def test_no_real_question_is_dropped(data_dir: Path) -> None:
    columns = {"gsm8k_train": "question", "math_train": "problem", "math500": "problem", "scalequest_samples": "query"}
    dropped = []
    for name, column in columns.items():
        texts = [json.loads(line)[column] for line in (data_dir / f"{name}.jsonl").open(encoding="utf-8")]
        dropped += [text for text in texts if not language.judge(asked(text)).kept]
    assert dropped == []
