"""Every assertion of the tests can fail: none is of something that is true by its form alone."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
# True whatever they hold; a call, a comparison, a name, a list of what was found may be either.
FIXED = (
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.Set,
    ast.GeneratorExp,
    ast.JoinedStr,
    ast.Lambda,
)
# What a branch of a condition may be: `assert a == b if c else d` is `assert (a == b) if c else d`.
OPEN = (ast.Compare, ast.Call, ast.BoolOp, ast.UnaryOp, ast.IfExp)


def hollow(test):
    """Whether an asserted expression, or a part of it that may decide it, says nothing."""
    if isinstance(test, ast.IfExp):
        branches = (test.body, test.orelse)
        return any(not isinstance(branch, OPEN) or hollow(branch) for branch in branches)
    if isinstance(test, ast.BoolOp):
        return any(hollow(value) for value in test.values)
    if isinstance(test, ast.UnaryOp):
        return not isinstance(test.op, ast.Not) or hollow(test.operand)
    if isinstance(test, ast.NamedExpr):
        return hollow(test.value)
    return isinstance(test, FIXED)


def hollow_assertions(source):
    """`line: assertion` of each that cannot fail, or whose message is what should have been compared."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert):
            misplaced = isinstance(node.msg, ast.Constant) and not isinstance(node.msg.value, str)
            if misplaced or hollow(node.test):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def test_every_assertion_can_fail():
    files = sorted(ROOT.rglob("*.py"))
    found = [f"{file.relative_to(ROOT)}:{one}" for file in files for one in hollow_assertions(file.read_text("utf-8"))]
    assert len(files) > 60
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "assert widths == {1, 2} if table != 'evaluation' else {3}",
        "assert widths == {1} if one else widths",
        "assert done if one else a == b",
        "assert a == b if one else (c == d if two else 7)",
        "assert (a == b, 'the message')",
        "assert [a == b]",
        "assert {a: b}",
        "assert (one == 1 for one in many)",
        "assert f'{a}'",
        "assert 'text'",
        "assert 1",
        "assert True",
        "assert lambda: a == b",
        "assert a == 1 or 2",
        "assert a == b and 'text'",
        "assert not (a, b)",
        "assert -a",
        "assert (found := [1])",
        "assert len(a), 3",
        "def test():\n    with one:\n        assert a == b if c else d",
    ],
)
def test_a_planted_assertion_that_says_nothing_is_caught(planted):
    assert hollow_assertions(planted) != []


@pytest.mark.parametrize(
    "sound",
    [
        "assert a",
        "assert a == (1 if c else 2)",
        "assert a == b if c else a == d",
        "assert not a",
        "assert a == b, 'the message'",
        "assert a == b, done.err",
        "assert (a, b) == (1, 2)",
        "assert all(a for a in b)",
        "assert not [a for a in b if a > 1]",
        "assert a or b == 2",
        "assert is_one(a) if c else not is_one(a)",
    ],
)
def test_an_assertion_that_says_something_is_no_offence(sound):
    assert hollow_assertions(sound) == []
