"""The laws of the house: what may import what, where money, SQL and waiting live, and who may be named."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

from tests.house import tree

SQL_LIVES_IN = {
    "accounts/keys.py",
    "billing/holds.py",
    "billing/ledger.py",
    "billing/partitions.py",
    "gateway/changes.py",
    "gateway/till.py",
}
DJANGO_IS_ASKED_FROM = {"gateway/api/auth.py", "gateway/memory.py", "gateway/reading.py", "gateway/writing.py"}
THREADS_ARE_USED_BY = {
    "gateway/counting.py",
    "gateway/doors.py",
    "gateway/funding.py",
    "gateway/reading.py",
    "gateway/settlement.py",
    "gateway/writing.py",
}
COMPANIES = (
    "deepseek", "minimax", "alibaba", "dashscope", "kling", "runway", "bytedance", "stability", "black forest",
    "xai", "mistral", "moonshot", "zhipu", "openrouter", "azure", "bedrock", "vertex", "together.ai",
)  # fmt: skip
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "proxy.go" + "lang.org", "/opt/" + "pypi")


def test_imports_obey_the_contracts() -> None:
    done = subprocess.run(
        [tree.ROOT / ".venv/bin/lint-imports", "--no-cache", "--no-logo"], cwd=tree.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_every_dialect_stands_under_the_contract_of_independence() -> None:
    contracts = tomllib.loads(tree.text(Path("pyproject.toml")))["tool"]["importlinter"]["contracts"]
    (independent,) = [contract["modules"] for contract in contracts if contract["id"] == "dialects"]
    packages = {
        file.parent for file in tree.files() if file.parts[:2] == ("gateway", "dialects") and len(file.parts) > 3
    }
    assert {".".join(package.parts) for package in packages} == set(independent)


def test_money_is_never_a_float() -> None:
    found = []
    for file in tree.modules("billing", "catalog"):
        for node in ast.walk(tree.syntax(file)):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            made = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
            if literal or made:
                found.append(f"{file}:{node.lineno}")
    assert not found


def test_sql_is_written_only_where_it_belongs() -> None:
    written = re.compile(r"\.cursor\(|\.raw\(|\bRawSQL\b|\.extra\(")
    found = {file for file in tree.modules(*tree.APPS) if written.search(tree.text(file))}
    assert {str(file) for file in found if file.parts[:2] != ("billing", "sql")} <= SQL_LIVES_IN


def test_only_the_gateway_waits() -> None:
    waiting = (ast.AsyncFunctionDef, ast.Await, ast.AsyncWith, ast.AsyncFor)
    found = [
        f"{file}:{node.lineno}"
        for file in tree.modules("accounts", "billing", "catalog", "chats")
        for node in ast.walk(tree.syntax(file))
        if isinstance(node, waiting)
    ]
    assert not found


def test_the_border_to_synchronous_code_is_crossed_in_few_places() -> None:
    def crossing(*words: str) -> set[str]:
        pattern = re.compile(rf"\b({'|'.join(words)})\b")
        return {str(file) for file in tree.modules(*tree.APPS) if pattern.search(tree.text(file))}

    assert crossing("sync_to_async", "async_to_sync") <= DJANGO_IS_ASKED_FROM
    assert crossing("to_thread", "run_in_executor", "ThreadPoolExecutor") <= THREADS_ARE_USED_BY


def test_no_company_is_named_outside_the_providers() -> None:
    found = []
    for file in tree.modules(*tree.APPS):
        if file.parts[:2] == ("gateway", "providers"):
            continue
        module = tree.syntax(file)
        explanations = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
        for node in ast.walk(module):
            said = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explanations
            word = node.value if said else ""
            if isinstance(node, ast.Name | ast.Attribute):
                word = node.id if isinstance(node, ast.Name) else node.attr
            if any(re.search(rf"\b{company}\b", word.lower()) for company in COMPANIES):
                found.append(f"{file}:{node.lineno} {word[:60]!r}")
    assert not found


def test_no_code_asks_which_provider_it_is() -> None:
    asks = re.compile(r"""provider(\.slug|\.name)?\s*(==|!=|in)\s*[("'\[{]""")
    assert not [str(file) for file in tree.modules("gateway") if asks.search(tree.text(file))]


def test_no_file_names_a_package_registry() -> None:
    assert not [line for file in tree.files() for line in tree.lines_with(file, REGISTRIES)]


def test_signals_are_not_used_for_domain_work() -> None:
    wired = re.compile(r"\b(post_save|pre_save|post_delete|pre_delete|m2m_changed)\b")
    assert not [str(file) for file in tree.modules(*tree.APPS) if wired.search(tree.text(file))]


def test_every_license_file_is_where_people_look() -> None:
    assert "MIT License" in tree.text(Path("LICENSE"))
    assert "Tollgate contributors" in tree.text(Path("LICENSE"))
