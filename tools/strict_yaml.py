"""Reads YAML that means the same here as to Pulumi, or says in one line what is wrong with it and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from components.one_line import one_line
from components.settings import refusal

NULLS = ("", "~", "null", "Null", "NULL")
TRUTHS = ("true", "True", "TRUE", "false", "False", "FALSE")
NOT_READ = {yaml.AliasToken: "aliases", yaml.TagToken: "tags", yaml.DirectiveToken: "directives"}
"""A few lines of aliases can stand for gigabytes; a tag or a directive can make another value of what is seen."""


class _Loader(yaml.BaseLoader):
    """Leaves numbers and dates the text they are; that is how Pulumi hands them to the program."""

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        text = super().construct_scalar(node)
        if node.style is not None:  # quoted, so a text whatever is in it
            return text
        if text in NULLS:
            return None
        return text.lower() if text in TRUTHS else text

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{one_line(key.value)} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        construct: Callable[..., Any] = self.construct_object
        return {key.value: construct(value, deep=deep) for key, value in node.value}  # a key is a text, also ~ and True


def read_yaml(path: Path) -> Any:
    """What the file holds: mappings, lists, texts, and None for nothing. Raises SettingsError."""
    try:
        text = path.read_bytes().decode()  # Pulumi reads UTF-8 alone
        _refuse_what_is_not_read(text)
        document = yaml.load(text, _Loader)  # noqa: S506 (a loader that makes texts only)
    except OSError as error:
        raise refusal([f"- {path} cannot be read: {error.strerror}. Way out: git checkout {path.name}"]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise refusal([file_fault(path, f"{where}: {error.problem or error.context}")]) from error
    except UnicodeDecodeError as error:
        raise refusal([file_fault(path, f"it is no text in UTF-8: {error.reason} at {error.start}")]) from error
    except yaml.reader.ReaderError as error:
        raise refusal([file_fault(path, f"it is no text: {error.reason} at {error.position}")]) from error
    except (ValueError, OverflowError) as error:  # of the parser: "\U00110000" is no character, %YAML 1… no version
        raise refusal([file_fault(path, f"it has what no text can be read from: {error}")]) from error
    except RecursionError as error:
        raise refusal([file_fault(path, "it is nested too deeply")]) from error
    if (document is None or isinstance(document, dict)) and not _takes_another_key(text, document or {}):
        # `make` puts Pulumi's encryptionsalt there, in a copy.
        rule = "no line can be added at its end; write config: and its keys on lines of their own"
        raise refusal([file_fault(path, rule)])
    return document


def _takes_another_key(text: str, document: dict[str, Any]) -> bool:
    """Whether a line of Pulumi's own at the end of the text that has this document is one more key of it."""
    lines = [line for line in text.split("\n") if not line.startswith("encryptionsalt:")]
    try:
        after = yaml.load("\n".join([*lines, "encryptionsalt: v1"]), _Loader)  # noqa: S506 (as above)
    except yaml.YAMLError:
        return False
    return bool(after == {**document, "encryptionsalt": "v1"})


def _refuse_what_is_not_read(text: str) -> None:
    for token in yaml.scan(text, _Loader):
        if what := NOT_READ.get(type(token)):
            raise yaml.MarkedYAMLError(problem=f"{what} are not read here", problem_mark=token.start_mark)


def file_fault(path: Path, rule: str) -> str:
    """The line about a file that cannot be used as it is."""
    return f"- {path} is refused: {rule}. Way out: see docs/configuration.md for how it is written"
