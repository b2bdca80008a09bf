"""The shape of the house: small modules, telling names, nothing unfinished."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.house import tree

LONGEST_MODULE = 300
LONGEST_TEST = 400
JUNK = {"utils", "util", "helpers", "helper", "common", "core", "misc", "services", "managers", "selectors", "signals"}
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|NotImple" + r"mented(Error)?)\b")
SKIPPED = re.compile(r"pytest\.(mark\.)?(sk" + r"ip(if)?|xf" + r"ail|importors" + r"kip)\b")


def test_modules_are_short() -> None:
    too_long = {
        str(file): length
        for file in tree.modules()
        if (length := len(tree.text(file).splitlines()))
        > (LONGEST_TEST if file.parts[0] == "tests" else LONGEST_MODULE)
    }
    assert not too_long


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [str(file) for file in tree.modules() if JUNK & {part.removesuffix(".py") for part in file.parts}]


def test_every_folder_of_python_is_a_package() -> None:
    bare = {"deploy"}  # scripts that are run, never imported from elsewhere
    folders = {file.parent for file in tree.files() if file.suffix == ".py" and file.parent != Path()}
    packages = {file.parent for file in tree.files() if file.name == "__init__.py"}
    assert not {str(folder) for folder in folders - packages} - bare


def test_the_init_of_an_app_is_empty() -> None:
    assert not [app for app in tree.APPS if tree.text(Path(app, "__init__.py")).strip()]


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(file) for file in tree.modules() if tree.text(file).strip() and not ast.get_docstring(tree.syntax(file))
    ]
    assert not silent


def test_every_public_function_of_an_app_says_what_it_means() -> None:
    silent = []
    for file in tree.modules(*tree.APPS):
        if file.name in {"admin.py", "apps.py", "models.py"} or "management" in file.parts:
            continue  # Django says what these are
        for node in tree.syntax(file).body:
            spoken = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if spoken and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{file}:{node.lineno} {node.name}")
    assert not silent


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{file}:{number}"
        for file in tree.files()
        if file.suffix in {".py", ".sql", ".sh", ".md", ".toml", ""} and file.parts[:2] != ("tests", "fakes")
        for number, line in enumerate(tree.text(file).splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert not found


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    assert not [str(file) for file in tree.modules("tests") if SKIPPED.search(tree.text(file))]


def test_tests_are_functions_whose_names_are_sentences() -> None:
    short, classes = [], []
    for file in tree.modules("tests"):
        for node in ast.walk(tree.syntax(file)):
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                classes.append(f"{file}:{node.lineno}")
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            if function and node.name.startswith("test_") and node.name.count("_") < 3:
                short.append(f"{file}:{node.lineno} {node.name}")
    assert not classes
    assert not short


def test_the_documents_that_are_named_exist() -> None:
    named = re.compile(r"\bdocs/[\w./-]+?\.md\b")
    missing = {
        f"{file}: {path}"
        for file in tree.files()
        if file.suffix in {".py", ".md", ".toml", ".sql", ".sh", ""}
        for path in named.findall(tree.text(file))
        if not (tree.ROOT / path).exists()
    }
    assert not missing
