"""Texts that a model or a file could hold and that a page must only show: none may run, load or vanish."""

from __future__ import annotations

import re

_RUN = "window.ran = 1"
HOSTILE = [
    # markup that runs
    f"<script>{_RUN}</script>",
    f"<SCRIPT SRC=https://evil.example/x.js></SCRIPT><scr<script>ipt>{_RUN}</script>",
    f"<img src=x onerror='{_RUN}'>",
    f"<svg onload='{_RUN}'>",
    f"<svg><animate onbegin='{_RUN}' attributeName=x dur=1s></svg>",
    f"<body onload='{_RUN}'>",
    f"<details open ontoggle='{_RUN}'>x</details>",
    f"<input autofocus onfocus='{_RUN}'>",
    f"<video><source onerror='{_RUN}'></video>",
    f"<math><mtext><table><mglyph><style><img src=x onerror='{_RUN}'></style></table></math>",
    f"<a href='javascript:{_RUN}'>a link</a>",
    "<form action='https://evil.example/'><button>send</button></form>",
    "<iframe src='https://evil.example/'></iframe>",
    f"<iframe srcdoc='<script>parent.{_RUN}</script>'></iframe>",
    "<object data='https://evil.example/x.swf'></object><embed src='https://evil.example/x'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href='https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "</div></div></section></body><style>body{display:none}</style>",
    "<style>@import url(https://evil.example/x.css); * { color: white }</style>",
    "<!-- <plaintext> <xmp> <textarea> <title>",
    # Markdown
    "[click](javascript:window.ran=1)",
    "[click](data:text/html,<script>window.ran=1</script>)",
    "[click](vbscript:window.ran=1 'title')",
    "![](https://evil.example/pixel.png)",
    "![x][1]\n\n[1]: https://evil.example/pixel.png",
    "<https://evil.example/> www.evil.example mailto:a@evil.example",
    "```mermaid\ngraph TD; A-->B; click A callback\n```",
    "~~~html\n<b>bold</b>\n~~~",
    "# A heading\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n- [ ] a task",
    "1. one\n2. two\n\n> quoted\n\n***\n\n**bold** _it_ ~~gone~~ :smile: ==mark==",
    # templates
    f"${{{_RUN}}} {{{{constructor.constructor('{_RUN}')()}}}}",
    f"{{%raw%}}{{{{7*7}}}}{{%endraw%}} <%= {_RUN} %> #{{{_RUN}}} {{@html x}}",
    "${value} {{value}} {{{value}}} ${props.value} __proto__ constructor",
    # formulas
    "$\\href{javascript:window.ran=1}{x}$ costs 5$ or 6$",
    "⟦\\href{javascript:window.ran=1}{x}⟧",
    "\\boxed{\\href{javascript:window.ran=1}{x}}",
    "\\boxed{\\includegraphics{https://evil.example/p.png}}",
    "\\boxed{\\url{https://evil.example/}} \\boxed{\\htmlData{a=b}{x}} \\boxed{\\htmlClass{c}{x}}",
    "\\def\\a{\\a\\a}\\boxed{\\a}",
    "\\newcommand{\\b}{\\b\\b} \\(\\b\\) \\gdef\\c{\\c\\c} \\[\\c\\] \\let\\d\\d $$\\d$$",
    "\\boxed{" + "{" * 60 + "x" + "}" * 60 + "}",
    "\\boxed{" + "\\frac{1}{" * 40 + "2" + "}" * 40 + "}",
    "$" + "x^{" * 80 + "y" + "}" * 80 + "$",
    "\\begin{matrix}" + "1&" * 90 + "\\end{matrix} $\\rule{9999em}{9999em}$ $\\kern-9999em x$",
    # characters
    "right\u202eleft \u2066turned\u2069 \u0007 bell \u001b[31m escape",
    "a\u0300\u0301\u0302\u0303\u0304\u0305 zalgo, \ufeff\u200b\u200d unseen, \ud7ff last",
    "😀👩‍👩‍👧 ½ ∑ ∞ ≠ “quoted” – dash",
    '=HYPERLINK("https://evil.example/") and @SUM(1) and +1 and -1',
    "'; DROP TABLE runs; -- \" OR 1=1",
    "word" * 200,
]


def readable(text: str, most: int | None = 300) -> str:
    """How a text begins (``most`` characters) as a reader sees it, without its spaces: what cannot be seen is named."""
    named = {"\u202e": "[U+202E]", "\u2066": "[U+2066]", "\u2069": "[U+2069]", "\u0007": "␇", "\u001b": "␛"}
    for unseen, name in named.items():
        text = text.replace(unseen, name)
    return re.sub(r"[\s\ufeff]", "", text)[:most]
