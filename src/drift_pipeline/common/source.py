"""Which source a class computes with: its own file and every file of ours that this one imports.

Imports are read from the text and never run, so that nothing heavy is loaded and a module that
fails on import can still be looked at. Only source that people edit is followed: this package, the
project and whatever else lies outside site-packages and the standard library. A class from an
installed package stands for its distribution's name and version instead.

A file is read once per process, as Python itself does: an edit during a run belongs to the next
one.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import sysconfig
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import packages_distributions, version
from pathlib import Path

from drift_pipeline.common.values import fingerprint

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = {"site-packages", "dist-packages"}


def sources(
    modules: Iterable[str], alone: Iterable[str] = (), without: Container[str] = ()
) -> dict[str, Path]:
    """Find the source files of some modules and of everything of ours that they import.

    Imports inside functions count, those under `if TYPE_CHECKING:` do not: they never run. So do
    the `__init__` files of the packages on the way, which Python runs first.

    Args:
        modules: Dotted names.
        alone: Further modules whose own file counts, but not what they import.
        without: Modules that are neither counted nor followed.

    Returns:
        Dotted name to file, sorted by name.

    Raises:
        ModuleNotFoundError: Where one of `modules` or `alone` has no source file.
        SyntaxError: Where a file is not Python.
    """
    importlib.invalidate_caches()
    found: dict[str, Path] = {}
    for name in (*alone, *(modules := tuple(modules))):
        if _file(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}")
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        file = _file(name)
        if name in found or name in without or file is None:
            continue
        found[name] = file
        parents = name.split(".")[:-1]
        waiting += [".".join(parents[: count + 1]) for count in range(len(parents))]
        waiting += _imports(name, file)
    found |= {name: file for name in alone if (file := _file(name)) is not None}
    return dict(sorted(found.items()))


def digest(files: Mapping[str, Path]) -> str:
    """Return a short hash of source files by their dotted names and texts.

    Args:
        files: As `sources` gives them; where they lie on the disk does not count.
    """
    return fingerprint([[name, read(file).hex()] for name, file in sorted(files.items())])


def origin(path: str, without: Container[str] = ()) -> str:
    """Say by which code a class computes.

    Args:
        path: Its dotted path.
        without: Modules that do not count, see `sources`.

    Returns:
        `source <hash>`, or `<distribution> <version>` for a class from an installed package.

    Raises:
        ModuleNotFoundError: Where its module is not to be found.
        SyntaxError: Where a file is not Python.
    """
    importlib.invalidate_caches()
    module = path.rpartition(".")[0]
    spec = _spec(module) if module else None
    if spec is None:
        raise ModuleNotFoundError(f"No module named {module!r}")
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return f"Python {sys.version_info.major}.{sys.version_info.minor}"
    if _is_source(module, spec):
        return f"source {digest(sources([module], without=without))}"
    packages = sorted(set(_distributions().get(top, [])))
    if packages:
        return ", ".join(f"{name} {version(name)}" for name in packages)
    # A module that lies loose among the installed ones belongs to no distribution.
    files = {module: Path(spec.origin)} if spec.has_location and spec.origin else {}
    return f"source {digest(files)}"


def names_source(path: str) -> bool:
    """Tell whether a string is the dotted path of something in source that people edit."""
    module, _, name = path.rpartition(".")
    parts = (*module.split("."), name)
    return all(part.isidentifier() for part in parts) and _file(module) is not None


@cache
def read(file: Path) -> bytes:
    """Read a file, once per process."""
    return file.read_bytes()


@cache
def _distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def _spec(name: str) -> ModuleSpec | None:
    """Find a module without running its parents, which `importlib.util.find_spec` would do."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ValueError, ImportError):  # a module made by hand has no spec
        return None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        # By the last part alone: under its full name Python would look for the parents it has run.
        spec = PathFinder.find_spec(part, list(spec.submodule_search_locations))
    return spec


def _is_source(name: str, spec: ModuleSpec) -> bool:
    if name.partition(".")[0] in sys.stdlib_module_names:
        return False
    places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or ())
    return any(place is not None and _is_edited(Path(place)) for place in places)


@cache
def _is_edited(file: Path) -> bool:
    file = file.resolve()
    if file.is_relative_to(PACKAGE):
        return True
    library = Path(sysconfig.get_path("stdlib")).resolve()
    return not INSTALLED & set(file.parts) and not file.is_relative_to(library)


def _file(name: str) -> Path | None:
    """Find the file of a module of ours; `None` for all others and for packages without one."""
    spec = _spec(name)
    if spec is None or not spec.has_location or spec.origin is None or not _is_source(name, spec):
        return None
    return Path(spec.origin)


def _imports(name: str, file: Path) -> list[str]:
    if file.suffix != ".py":  # a compiled module says nothing of its imports
        return []
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    return _parsed(read(file), file.name, package)


@cache
def _parsed(text: bytes, file: str, package: str) -> list[str]:
    return list(_imported(ast.parse(text, file), package))


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        with suppress(ImportError):  # one that leaves the package is Python's to refuse
            base = importlib.util.resolve_name(f"{'.' * node.level}{node.module or ''}", package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        match node.args:
            case [ast.Constant(value=str(name)), *_]:
                yield name
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        children = node.orelse
    for child in children:
        yield from _imported(child, package)
