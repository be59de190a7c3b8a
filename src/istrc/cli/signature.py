"""A training function's signature, read from its source and made into command-line options.

The functions document themselves: one argument a line, its meaning and unit in the comment behind
it. Reading the source and not the module keeps `istrc train facenet --help` free of torch, and
an option can never say something else than the function does.
"""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli.recognisers import SPEC, WHAT

# A trained part is given as the folder that holds it.
NETS = (
    "FaceNet", "AutoEncoder", "Mapping", "AttributeClassifiers", "Landmarks", "Circle",
    "Recogniser",
)  # fmt: skip

# What needs no comment in a signature; a comment there comes first.
COMMON = {
    "data": "A folder made by istrc prepare.",
    "seed": "Seed of all randomness.",
    "device": "Where to compute: cpu, auto, cuda or mps.",
    "steps": "Batches.",
    "batch_size": "Faces in a batch.",
    "facenet": "The folder of a trained FaceNet.",
    "recogniser": f"Any recogniser: {WHAT}.",
    "autoencoder": "The folder of a trained BEGAN.",
    "landmarks": "The folder of trained landmarks.",
    "circle": "The folder of a trained circle.",
    "facenet_steps": "Batches of facenet.",
    "began_steps": "Batches of began.",
    "mapping_steps": "Batches of mapping.",
    "mapping_fine_steps": "Batches of mapping's adversarial fine-tuning; 0 is without.",
    "attributes_steps": "Batches of attributes.",
    "widths": "Channels of each level, finest first.",
    "depths": "Residual blocks of each level.",
}


@dataclass(frozen=True)
class Parameter:
    """One argument of a function, as its source has it."""

    name: str
    annotation: str
    default: str | None  # source text; None where the argument must be given
    comment: str

    @property
    def help(self) -> str:
        return self.comment or COMMON.get(self.name) or _sentence(self.name.replace("_", " "))


def read_signature(module: str, function: str) -> tuple[str, list[Parameter]]:
    """The first line of a function's docstring and its parameters; nothing is imported of it.

    Raises LookupError when there is no such function.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"no module {module}")
    source = Path(spec.origin).read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            break
    else:
        raise LookupError(f"no function {function} in {module}")
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    arguments = node.args
    plain = arguments.posonlyargs + arguments.args
    missing = [None] * (len(plain) - len(arguments.defaults))
    pairs = [*zip(plain, missing + arguments.defaults, strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parameters = [
        Parameter(
            name=argument.arg,
            annotation=ast.unparse(argument.annotation) if argument.annotation else "str",
            default=None if default is None else ast.unparse(default),
            comment=_sentence(comments.get((default or argument).end_lineno, "")),
        )
        for argument, default in pairs
    ]
    return (ast.get_docstring(node) or "").partition("\n")[0], parameters


def as_command(
    parameters: list[Parameter],
    run: Callable[..., None],
    *,
    positional: tuple[str, ...] = (),
    extra: tuple[inspect.Parameter, ...] = (),
) -> Callable[..., None]:
    """A function that typer makes into a command: one option a parameter.

    `run` is called with their values, and with `extra`; a default that is no literal is left to
    the function. Parameters whose type no text can stand for are left out.
    """
    shown = [p for p in parameters if kind(p.annotation) is not None]
    signature = []
    for parameter in shown:
        wanted, metavar = kind(parameter.annotation)
        if parameter.name in positional:
            information = typer.Argument(
                metavar=parameter.name.upper(), help=parameter.help, show_default=False
            )
            annotation, default = Annotated[wanted, information], inspect.Parameter.empty
        else:
            flag = "--" + parameter.name.rstrip("_").replace("_", "-")
            names = (flag, f"--no-{flag[2:]}") if wanted is bool else (flag,)
            names = ("/".join(names),) if wanted is bool else names
            information = typer.Option(
                *names,
                metavar=None if wanted is bool else metavar,
                help=parameter.help,
                show_default=_default(parameter) is not None,
            )
            annotation = Annotated[wanted, information]
            default = inspect.Parameter.empty
            if parameter.default is not None:
                annotation, default = Annotated[wanted | None, information], _default(parameter)
        signature.append(
            inspect.Parameter(
                parameter.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=default,
                annotation=annotation,
            )
        )

    def command(**values: Any) -> None:
        given = {}
        for parameter in shown:
            value = values.pop(parameter.name)
            if value is not None:
                given[parameter.name] = _value(parameter, value)
        run(given, **values)

    signature += extra
    command.__signature__ = inspect.Signature(signature)
    command.__annotations__ = {p.name: p.annotation for p in signature}
    return command


def kind(annotation: str) -> tuple[type, str] | None:
    """The type and metavar of an option for an annotation; None where no text can stand for it."""
    parts = [part.strip() for part in annotation.split("|")]
    plain = [part for part in parts if part != "None"]
    if plain in (["str", "Path"], ["Path", "str"], ["Path"]):
        return str, "FOLDER"
    if len(plain) != 1:
        return None
    if plain[0] == "Recogniser":
        return str, SPEC
    if plain[0] in NETS:
        return str, "FOLDER"
    return {
        "int": (int, "INTEGER"),
        "float": (float, "NUMBER"),
        "bool": (bool, ""),
        "str": (str, "TEXT"),
        "tuple[int, ...]": (str, "N,N,..."),
        "tuple[float, ...]": (str, "X,X,..."),
        "tuple[float, float]": (str, "X,X"),
        "tuple[str, ...]": (str, "NAME,NAME,..."),
    }.get(plain[0])


def _value(parameter: Parameter, value: Any) -> Any:
    for inner, convert in (("int", int), ("float", float), ("str", str)):
        if parameter.annotation.startswith(f"tuple[{inner},"):
            try:
                return tuple(convert(part.strip()) for part in value.split(","))
            except ValueError:
                raise typer.BadParameter(
                    f"{value!r} is not a list of numbers separated by commas",
                    param_hint="--" + parameter.name.replace("_", "-"),
                ) from None
    return value


def _default(parameter: Parameter) -> Any:
    """The default as a user would write it: "64,96" for (64, 96). None where none can be."""
    try:
        value = ast.literal_eval(parameter.default or "None")
    except ValueError:  # a name or a call: the function's own default is used
        return None
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value


def _sentence(comment: str) -> str:
    """A comment as help text: a capital first, a full stop last; symbols keep their case."""
    comment = comment.strip()
    if not comment:
        return ""
    first = comment.split()[0].rstrip(",;:.")
    if first.isalpha() and first.islower():
        comment = comment[0].upper() + comment[1:]
    return comment if comment.endswith((".", "!", "?")) else comment + "."
