"""Small programs for those who ask for code."""

from __future__ import annotations

import re
from pathlib import Path

LANGUAGES = {name: name for name in ("python", "javascript", "typescript", "go", "rust", "bash", "sql", "html")} | {
    "js": "javascript",
    "node": "javascript",
    "golang": "go",
    "shell": "bash",
}
ASKS = re.compile(
    r"\b(code|function|script|program|snippet|class|algorithm|query|regex|html page|web page)\b.*|"
    r"\b(write|implement|show|give|create)\b.*\bin (python|javascript|js|typescript|go|golang|rust|bash|sql)\b",
    re.IGNORECASE | re.DOTALL,
)
VERBS = re.compile(
    r"\b(write|implement|code|show|give|create|make|generate|build|need|want|fix|refactor)\b", re.IGNORECASE
)
SHELF = {
    (language, word): code
    for language, word, code in re.findall(
        r"^## (\w+) (\w+)\n\n```\w+\n(.*?)\n```$",
        Path(__file__).with_name("programs.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
}


def asked_for(question: str) -> bool:
    """Whether a question asks for code."""
    return bool(ASKS.search(question) and VERBS.search(question))


def program(question: str, topic: str) -> str:
    """A short answer with one code block in the language that the question names (Python when it names none)."""
    lowered = question.lower()
    language = next((name for word, name in LANGUAGES.items() if re.search(rf"\b{word}\b", lowered)), "python")
    spoken = "javascript" if language == "typescript" else language
    shelf = {word: code for (written_in, word), code in SHELF.items() if written_in == spoken}
    known = next((code for word, code in shelf.items() if re.search(rf"\b{word}", lowered)), None)
    name = "_".join(re.findall(r"[a-z]+", topic.lower())[:3]) or "answer"
    if known is not None:
        code = known
    elif language == "python":
        code = f'def {name}(value: str) -> str:\n    """{topic}"""\n    return value.strip()'
    elif language in ("javascript", "typescript"):
        code = f"// {topic}\nexport function {_camel(name)}(value) {{\n  return value.trim();\n}}"
    else:
        code = shelf["hello"]
    block = f"```{language}\n{code}\n```"
    return f"Here is a small {language} example:\n\n{block}\n\nRun it as it is, then change it to your needs."


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
