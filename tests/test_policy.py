"""Errors are modelled, not caught: the few places that catch any exception are listed here, each with its reason."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("actors", "codecs", "runtime", "services")

POLICY = {
    "actors/routing/chain.py:run": "what becomes of a call whose provider failed is decided there",
    "actors/voice/activity.py:tell": "an error of one session ends that session, not the voice detection of all",
    "actors/voice/response.py:_answer": "what the model said before it failed is spoken; then the failure is told",
    "actors/voice/response.py:_answer_guess": "a guess that fails says nothing: the answer is made afresh",
    "actors/voice/response.py:_apologise": "the client is told of the failure that the apology is for",
    "actors/voice/response.py:_run": "a turn that can't be answered says so, and the session lives on",
    "actors/voice/utterance.py:run": "what can't be understood is told as failed, and the session lives on",
    "codecs/gate.py:read": "libav's reader must not raise into C; the error is raised again on this side",
    "codecs/output.py:_failing_later": "libav's writer must not raise into C; the error is raised again on this side",
    "codecs/zygote.py:_run": "a job's child process tells its parent of any error, and ends",
    "runtime/drain.py:_hand_out": "an error of the receiver's function is raised in the receiver, not in the sender",
    "runtime/incarnation.py:_own_task": "an error in an actor's own task crashes the actor",
    "runtime/incarnation.py:_serve_in_lifespan": "the first crash stays the reason; that of the cleanup is told",
    "runtime/incarnation.py:_work": "a handler's error goes to its caller, or crashes the actor",
    "runtime/life.py:run": "however a child fails, its supervisor decides what follows",
    "runtime/process/flow.py:run": "a stream's error is meant for the other process",
    "runtime/process/worker.py:_live": "an actor's module may raise anything when a worker imports it",
    "runtime/program.py:run": "judged outside of the task group, as that would wrap it",
    "runtime/deadlines.py:open": "the block's own error comes out as it is, in no exception group",
    "runtime/system.py:run": "the block's own error comes out as it is, in no exception group",
    "runtime/thread.py:_error_of": "all that a function in a thread raises is raised in its caller",
    "services/kinds/outside.py:_load": "another package that can't be imported is left out, and the others work",
}


def catches_everything(handler: ast.ExceptHandler) -> bool:
    """Whether it catches any exception, and does not raise it again at its end."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {kind.id if isinstance(kind, ast.Name) else "" for kind in kinds if kind is not None}
    broad = handler.type is None or bool(names & {"Exception", "BaseException"})
    return broad and not (isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None)


def suppresses_everything(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress")):
        return False
    return any(ast.unparse(argument) in ("Exception", "BaseException") for argument in node.args)


def broad_catches() -> Iterator[str]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text())):
                if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                for node in ast.walk(function):
                    caught = isinstance(node, ast.ExceptHandler) and catches_everything(node)
                    if caught or suppresses_everything(node):
                        yield f"{path.relative_to(ROOT)}:{function.name}"


def test_any_exception_is_caught_only_where_that_is_the_policy() -> None:
    assert set(broad_catches()) == set(POLICY)
