"""People's own functions, which the configuration names as module:function: found beside it, and checked unrun."""

import ast
import symtable
import sys
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from continuous_backup.configuration import config
from continuous_backup.configuration.config import Config
from continuous_backup.errors import ConfigurationError, UsageError
from continuous_backup.operations.building import packages

#: By key: what the function is called with.
ARGUMENTS = {"optinFunction": "table_name", "transformer": "change", "router": "change"}
#: Where it fails, the table is backed up; where the others do, no change is forwarded as it should be.
_MAY_FAIL = {"optinFunction"}

#: What Lambda's Python runtime needs beside what it is there for: a file of such a name would take its place.
#: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
_NEEDED_BY_THE_RUNTIME = {"awslambdaric", "bootstrap", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
#: What is written out like that is certainly none.
_Data = (
    ast.Constant
    | ast.JoinedStr
    | ast.List
    | ast.Tuple
    | ast.Set
    | ast.Dict
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
)


def path_in(key: str, values: Any) -> str:
    """The module:function that a configuration's key names; empty where it names none, or what is built in.

    `values` are those of the file, which may be wrong.
    """
    value = values.get(key) if isinstance(values, Mapping) else None
    return value if isinstance(value, str) and ":" in value else ""


def file_name(path: str) -> str:
    """What the file of a module:function is called, beside the configuration and in the zip."""
    return f"{path.partition(':')[0]}.py"


def files(keys: Iterable[str], settings: Config, config_file: Path, libraries: Iterable[str]) -> list[Path]:
    """The Python files that these keys need, beside the configuration; checked, but not run.

    `libraries` are the names of those in the zips. Raises UsageError for what is wrong, ConfigurationError for
    several things at once.
    """
    there = sys.stdlib_module_names | packages.FROM_THE_RUNTIME | _NEEDED_BY_THE_RUNTIME | {packages.OURS}
    there = there.union(libraries)
    named = {key: path_in(key, {key: getattr(settings, config.keys()[key].name)}) for key in keys}
    named = {key: path for key, path in named.items() if path}
    own = {path.partition(":")[0] for path in named.values()}
    found: list[Path] = []
    wrong: list[UsageError] = []
    for key, path in named.items():
        try:
            found.append(_file(key, path, config_file, there, own))
        except UsageError as err:
            wrong.append(err)
    _raise_all(wrong, config_file)
    return list(dict.fromkeys(found))


def _raise_all(wrong: list[UsageError], config_file: Path) -> None:
    """Raises what is wrong, all of it in one where there are several; nothing where there is nothing."""
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        problems = [f"{err.problem}; {err.hint}" for err in wrong]
        raise ConfigurationError(str(config_file), problems, "docs/choices.md shows functions that work")


def _file(key: str, path: str, config_file: Path, there: AbstractSet[str], own: AbstractSet[str]) -> Path:
    """`there` are the modules that the function has without it, `own` those of people's."""
    module, _, name = path.partition(":")
    file = config_file.parent / file_name(path)
    where = f"{key} is {path}"
    if module in there:
        raise UsageError(f"{where}, but {module} is the name of a library too", f"give {file} another name")
    if not file.is_file():
        raise UsageError(
            f"{where}, but there is no file {file.absolute()}",
            f"put it beside the configuration file, {config_file.name}",
        )
    try:
        text = file.read_text(encoding="utf-8")
        names = symtable.symtable(text, str(file), "exec")
        tree = ast.parse(text, str(file))
    except (SyntaxError, ValueError) as err:
        raise UsageError(f"{where}, but {file} does not compile: {err}", f"python3 {file}") from err
    example = f"{name}({ARGUMENTS[key]})"
    if name not in names.get_identifiers() or not _is_bound(names.lookup(name)):
        raise UsageError(
            f"{where}, but {file} has no {name}",
            f"define {example} there, or name a function that is there",
        )
    if key in _MAY_FAIL:
        return file
    if missing := _imports(tree) - there - own:
        raise UsageError(
            f"{where}, but {file} imports {', '.join(sorted(missing))}, which is not in the zip",
            "that one file is: take in what it needs of yours; it has Python's standard library and boto3",
        )
    if problem := _wrong_with(name, tree):
        raise UsageError(
            f"{where}, but {name} in {file}, {problem}", f"define {example}, with defaults for what else it takes"
        )
    return file


def _is_bound(name: symtable.Symbol) -> bool:
    return name.is_assigned() or name.is_imported()


def _imports(module: ast.Module) -> set[str]:
    """The top names of the modules that it cannot do without, since no `try` is around their import."""
    tried = {inner for each in ast.walk(module) if isinstance(each, ast.Try) for inner in ast.walk(each)}
    names: set[str] = set()
    for node in packages.nodes_that_run(module):
        if isinstance(node, ast.Import) and node not in tried:
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node not in tried:
            names.add("." * node.level or str(node.module).split(".")[0])
    return names


def _wrong_with(name: str, module: ast.Module) -> str:
    """Why what the module defines under a name cannot be called with one argument, or does not answer at once.

    Empty where it can, or where that cannot be told without running it: it is imported, decorated, made.
    """
    found = [each for statement in module.body for each in _bindings(name, statement)]
    problems = [_wrong_with_one(each) if each else "" for each in found]
    # Of several, in an `if` or a `try`, whichever is right may be the one that comes to stand.
    return problems[-1] if problems and all(problems) else ""


def _wrong_with_one(function: _Function | _Data) -> str:
    at = f"line {function.lineno}"
    if isinstance(function, _Data):
        return f"{at}, is no function"
    if isinstance(function, ast.AsyncFunctionDef):
        return f"{at}, is a coroutine, which answers nothing where it is called: define it without async"
    if isinstance(function, ast.FunctionDef) and any(
        isinstance(each, ast.Yield | ast.YieldFrom) for each in _inside(function)
    ):
        return f"{at}, is a generator, which answers nothing where it is called"
    if not _takes_one(function.args):
        return f"{at}, cannot be called with one argument"
    return ""


def _takes_one(arguments: ast.arguments) -> bool:
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = len(positional) - len(arguments.defaults)
    named = [default for default in arguments.kw_defaults if default is None]
    return needed <= 1 and bool(positional or arguments.vararg) and not named


def _bindings(name: str, statement: ast.stmt) -> Iterator[_Function | _Data | None]:
    """What a statement of a module binds a name to; None where that is not to be seen from outside."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        if statement.name == name:
            yield None if statement.decorator_list else statement
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if any(isinstance(each, ast.Name) and each.id == name for each in targets):
            yield statement.value if isinstance(statement.value, ast.Lambda | _Data) else None
        elif any(_binds(name, each) for each in targets):
            yield None
    elif isinstance(statement, ast.If | ast.Try | ast.With):
        for inner in ast.iter_child_nodes(statement):
            if isinstance(inner, ast.stmt):
                yield from _bindings(name, inner)
            elif isinstance(inner, ast.ExceptHandler):
                yield from (each for handled in inner.body for each in _bindings(name, handled))
    elif _binds(name, statement):
        yield None


def _binds(name: str, statement: ast.AST) -> bool:
    """Whether a name is given to something there, in whatever way: an import, a class, a loop, several at once."""
    for each in ast.walk(statement):
        match each:
            case ast.Name(id=said, ctx=ast.Store()) | ast.ClassDef(name=said) | ast.alias(asname=str(said)):
                found = said
            case ast.alias(name=said):
                found = said.split(".")[0]
            case _:
                continue
        if found == name:
            return True
    return False


def _inside(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function's body, and not of those that are defined in it."""
    due: list[ast.AST] = [*function.body]
    while due:
        node = due.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            due += ast.iter_child_nodes(node)
