"""Run what the documents show: every Python block of README.md and docs/, in order, in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from sybil import Example, Region, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.example import SybilFailure
from sybil.integration.pytest import SybilItem
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sybil import Document

SHOWN_ONLY = frozenset({"console", "http", "ini", "mermaid", "sh", "sql", "text", "toml", "yaml"})
"""Languages of blocks that are read and not run; a block in any other language fails."""

FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*(?P<language>[^\s`]*)[^\n]*\n.*?^[ \t]*\1[ \t]*$", re.MULTILINE | re.DOTALL
)
DEFINES_TESTS = re.compile(r"^(?:def test_|async def test_|class Test)", re.MULTILINE)


def check_json(example: Example) -> None:
    json.loads(example.parsed)


class PythonParser:
    """Finds the Python blocks; one that defines tests is given, after those above it, to a pytest of its own too."""

    def __init__(self) -> None:
        self.blocks = PythonCodeBlockParser()

    def __call__(self, document: Document) -> Iterable[Region]:
        """Yield the regions of the blocks and of the doctests in them."""
        above: list[str] = []
        for region in self.blocks(document):
            if isinstance(region.parsed, str):
                source = str(region.parsed)
                if DEFINES_TESTS.search(source):
                    region.evaluator = partial(run_tests, "\n".join([*above, source]))
                else:
                    above.append(source)
            yield region


def run_tests(module: str, example: Example) -> None:
    PythonEvaluator()(example)
    with TemporaryDirectory() as folder:
        Path(folder, "test_shown.py").write_text(module, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-c", os.devnull, "--rootdir", folder]
        options = ["-p", "no:cacheprovider", "test_shown.py"]
        done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SybilFailure(example, done.stdout + done.stderr)


class UnknownLanguageParser:
    """Finds the blocks that nothing here runs, so that none is passed over in silence."""

    def __call__(self, document: Document) -> Iterable[Region]:
        """Yield one region for each such block."""
        for match in FENCE.finditer(document.text):
            language = match["language"]
            if language not in SHOWN_ONLY | {"python", "json"}:
                yield Region(match.start(), match.end(), language, self.refuse)

    @staticmethod
    def refuse(example: Example) -> None:
        """Fail, naming the languages there are."""
        known = ", ".join(["python", "json", *sorted(SHOWN_ONLY)])
        pytest.fail(f"nothing runs a block in {example.parsed!r}; its language must be one of {known}", pytrace=False)


def enter_folder(namespace: dict[str, Any]) -> None:
    folder = TemporaryDirectory()
    namespace["_left"] = (Path.cwd(), folder)
    os.chdir(folder.name)


def leave_folder(namespace: dict[str, Any]) -> None:
    back, folder = namespace["_left"]
    os.chdir(back)
    namespace.clear()
    folder.cleanup()


pytest_collect_file = Sybil(
    parsers=[PythonParser(), CodeBlockParser("json", check_json), UnknownLanguageParser()],
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    setup=enter_folder,
    teardown=leave_folder,
).pytest()


sybil_traceback = SybilItem._traceback_filter  # noqa: SLF001


def traceback_of(item: SybilItem, error: pytest.ExceptionInfo[BaseException]) -> Any:
    """Keep Sybil's shortened traceback; that of an unclosed resource, which pytest raises, has none of its frames."""
    try:
        return sybil_traceback(item, error)
    except IndexError:
        return error.traceback


SybilItem._traceback_filter = traceback_of  # noqa: SLF001


class DocumentScheduling(LoadScopeScheduling):
    """Deals the tests out one by one, but a document whole: each of its blocks goes on from the one before.

    What xdist's own `loadgroup` would do by a mark, had pytest 9.2 not changed the node ids that it rewrites.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return file if file.endswith(".md") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> DocumentScheduling:
    return DocumentScheduling(config, log)
