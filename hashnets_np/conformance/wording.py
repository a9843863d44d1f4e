"""Errors and answers of foreign code in one line of words, whatever they do when they are written."""

from typing import Any


def words(error: BaseException) -> str:
    """Write the message of an error in one line, if it has one that can be written; a long one loses its middle.

    >>> words(ValueError("first line", ))
    'first line'
    """
    try:
        lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    except Exception as second:
        return f"(its message cannot be written: {type(second).__name__})"
    text = " ".join(lines)
    if len(text) <= 200:
        return text
    first = lines[0]
    last = lines[-1]
    return f"{first[:140]} ... {last[-140:]}" if len(lines) > 1 else f"{text[:120]} ... {text[-80:]}"


def describe_error(error: BaseException) -> str:
    """Write an error in one line."""
    return f"{type(error).__name__}: {words(error)}"


def shown(found: Any) -> str:
    """Show the beginning of an answer, if it can be shown (test_an_answer_that_cannot_be_read)."""
    try:
        return " ".join(str(found).split())[:80]
    except Exception as error:
        return f"what cannot be shown: {describe_error(error)}"
