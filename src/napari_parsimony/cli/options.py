"""Command line options from the fields of a configuration, so that there is one source for both."""

import json
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import click
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from napari_parsimony.config import Config, parse_config
from napari_parsimony.errors import UserError

C = TypeVar("C", bound=Config)

SETTINGS, ADVANCED, RUNNING = SECTIONS = ("Settings", "Advanced settings", "Options")
METAVARS = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


class SectionedCommand(click.Command):
    """A command whose help lists advanced settings, and what is not a setting, apart."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each kind of option."""
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in SECTIONS}
        for parameter in self.get_params(ctx):
            line = parameter.get_help_record(ctx)
            if line is not None and isinstance(parameter, click.Option):
                sections[getattr(parameter, "section", RUNNING)].append(line)
        for title, lines in sections.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)


class Setting(click.Option):
    """An option for one field of a configuration.

    Values are checked by the configuration and nowhere else, so that they mean the same here, in
    TOML and in napari.
    """

    def __init__(self, name: str, field: FieldInfo) -> None:
        extra = field.json_schema_extra
        advanced = isinstance(extra, Mapping) and bool(extra.get("advanced"))
        self.section = ADVANCED if advanced else SETTINGS
        self.kind = _without_none(field.annotation)
        flag = "--" + name.replace("_", "-")
        details: dict[str, Any] = {"default": None, "help": _help(field)}
        if self.kind is bool:
            flag = f"{flag}/--no-{flag[2:]}"
        elif _is_mapping(self.kind):
            details |= {"multiple": True, "metavar": "NAME=VALUE[,VALUE…]"}
        elif get_origin(self.kind) is tuple:
            details |= {"multiple": True, **_type(get_args(self.kind)[0])}
        else:
            details |= _type(self.kind)
        super().__init__([name, flag], **details)

    def setting(self, given: Any) -> Any:
        """Turn what click parsed into what the configuration is to validate."""
        if not _is_mapping(self.kind):
            return list(given) if isinstance(given, tuple) else given
        several = get_origin(get_args(self.kind)[1]) is tuple
        result: dict[str, Any] = {}
        for text in given:
            key, equals, value = text.partition("=")
            if not equals:
                raise UserError(f"The option {self.opts[0]} needs NAME=VALUE, not '{text}'.")
            result[key.strip()] = [v.strip() for v in value.split(",")] if several else value
        return result


def settings_of(kind: type[Config]) -> list[click.Parameter]:
    """One option for every field of a configuration."""
    return [Setting(name, field) for name, field in kind.model_fields.items()]


def given_settings(command: click.Command, given: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the settings that were on the command line; all others keep their defaults."""
    return {
        option.name: option.setting(given[option.name])
        for option in command.params
        if isinstance(option, Setting) and option.name and given[option.name] not in (None, ())
    }


def _type(kind: Any) -> dict[str, Any]:
    if get_origin(kind) is Literal:
        return {"type": click.Choice([str(choice) for choice in get_args(kind)])}
    return {"type": str, "metavar": METAVARS.get(kind, "VALUE")}


def _help(field: FieldInfo) -> str:
    text = (field.description or "").strip().rstrip(".") + "."
    if get_origin(field.annotation) in (tuple, dict):
        text += " May be given several times."
    default = field.get_default(call_default_factory=True, validated_data={})
    notes = list(_limits(field))
    if default is not PydanticUndefined and default not in (None, (), {}):
        notes.insert(0, f"default: {_plain(default)}")
    return f"{text} [{'; '.join(notes)}]" if notes else text


def _limits(field: FieldInfo) -> Iterator[str]:
    names = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    for limit in field.metadata:
        for attribute, words in names.items():
            value = getattr(limit, attribute, None)
            if value is not None:
                yield f"{words} {value}"


def _plain(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return json.dumps(default) if isinstance(default, dict) else str(default)


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0] if len(kinds) == 1 else str
    return annotation


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) in (dict, Mapping)


def progress_option() -> click.Option:
    """Make the option `--progress`."""
    return click.Option(
        ["--progress"],
        type=click.Choice(["auto", "bar", "lines", "json", "none"]),
        default="auto",
        show_default=True,
        help="How to show progress; auto is a bar in a terminal and lines elsewhere.",
    )


def json_option() -> click.Option:
    """Make the option `--config-json`."""
    return click.Option(
        ["--config-json"],
        metavar="TEXT",
        help="Settings as one JSON object, '-' to read it from standard input; options beside it "
        "win.",
    )


def given_config(
    kind: type[C], command: click.Command, config_json: str | None, given: Mapping[str, Any]
) -> C:
    """Read settings: those of `--config-json`, and options beside it, which win.

    Raises
    ------
    UserError
        If the JSON cannot be read, or the settings are wrong.
    """
    return parse_config(kind, {**_from_json(config_json), **given_settings(command, given)})


def _from_json(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        values = json.loads(sys.stdin.read() if text == "-" else text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"The option --config-json is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise UserError("The option --config-json needs a JSON object with settings by name.")
    return values
