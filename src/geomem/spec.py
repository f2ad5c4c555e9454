"""Frozen, validated settings. Every part of geomem is described by a `Spec` that goes to YAML/JSON and back.

A registered part is named by its `kind`: `{kind: path-star, arms: 50}`; the bare string `path-star` means all defaults.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from geomem.errors import InputError, nearest
from geomem.registry import Registry


class Spec(BaseModel):
    """Base of all settings: frozen, no unknown keys, defaults validated."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _fits_int64(cls, value: object) -> object:
        """Refuse whole numbers that no tensor can hold or count, alone or in tuples."""
        numbers = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, int) and abs(number) >= 2**63:
                raise ValueError("must be below 2^63 in size")
        return value


S = TypeVar("S", bound=BaseModel)


def validate(model: type[S], data: Mapping[str, Any], where: str = "") -> S:
    """Validate `data` as `model`.

    Raises InputError with one clear line per error, each naming the key and the nearest valid key.
    """
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise InputError("\n".join(explain(error, model, where))) from None


def resolve(registry: Registry[type[Spec]], value: object, where: str = "") -> Spec:
    """Turn a name, a mapping with `kind`, or a ready Spec into a validated Spec of the registered class."""
    if isinstance(value, Spec):
        return value
    if isinstance(value, str):
        value = {"kind": value}
    if not isinstance(value, Mapping):
        raise InputError(f"{where or registry.kind}: expected a name or a mapping with 'kind', got {value!r}")
    mapping = cast(Mapping[str, Any], value)
    if not isinstance(mapping.get("kind"), str):
        raise InputError(f"{where or registry.kind}: missing 'kind'; choose from: {', '.join(registry)}")
    return validate(registry.get(mapping["kind"]), mapping, where or registry.kind)


def explain(error: ValidationError, model: type[BaseModel], where: str = "") -> list[str]:
    """Rewrite pydantic's errors as one clear line each: where, what is wrong, what would be right."""
    return [_line(dict(item), model, where) for item in error.errors(include_url=False)]


def _line(item: dict[str, Any], model: type[BaseModel], where: str) -> str:
    location = [str(part) for part in item["loc"]]
    path = ".".join([where, *location] if where else location)
    if item["type"] == "extra_forbidden":
        known = _fields_at(model, location[:-1])
        guess = nearest(location[-1], known)
        hint = f"did you mean '{guess}'?" if guess else f"valid keys: {', '.join(sorted(known))}"
        return f"{path}: unknown key; {hint}"
    if item["type"] == "missing":
        return f"{path}: required, but missing"
    # An InputError raised inside a validator already is a clear line with its own place.
    inner = item.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        return str(inner) if not location else f"{path}: {inner}"
    message = str(item["msg"]).removeprefix("Value error, ")
    got = "" if isinstance(item.get("input"), (dict, list)) else f", got {item.get('input')!r}"
    return f"{path or model.__name__}: {message[:1].lower()}{message[1:]}{got}"


def _fields_at(model: type[BaseModel], location: Iterable[str]) -> set[str]:
    """Field names of the sub-model at `location` (list indices and dict keys are passed over)."""
    current: Any = model
    for part in location:
        fields: dict[str, Any] = getattr(current, "model_fields", {})
        if part not in fields:
            continue
        current = _model_in(fields[part].annotation) or current
    return set(getattr(current, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
