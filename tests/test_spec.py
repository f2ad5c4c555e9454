from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field, SerializeAsAny, ValidationError, field_validator, model_validator

from geomem.errors import InputError
from geomem.registry import Registry
from geomem.spec import Spec, resolve, validate


class Wheel(Spec):
    kind: Literal["wheel"] = "wheel"
    spokes: int = Field(8, ge=1)


class Hub(Spec):
    size: float = 1.0
    colour: str


class Cart(Spec):
    wheel: SerializeAsAny[Spec] = Wheel()
    hubs: tuple[Hub, ...] = ()
    hub: Hub | None = None
    named: dict[str, Hub] = Field({})
    load: int = 0

    @field_validator("wheel", mode="before")
    @classmethod
    def _wheel(cls, value: object) -> Spec:
        return resolve(WHEELS, value, "wheel")

    @field_validator("load")
    @classmethod
    def _light(cls, value: int) -> int:
        if value > 9:
            raise InputError(f"at most 9, got {value}")
        return value

    @model_validator(mode="after")
    def _drivable(self) -> Cart:
        if self.load == 7:
            raise InputError("cart: seven is not drivable")
        return self


WHEELS: Registry[type[Spec]] = Registry("wheel", {"wheel": ("tests.test_spec:Wheel", "round")})


def _said(data: dict[str, Any], where: str = "") -> list[str]:
    with pytest.raises(InputError) as caught:
        validate(Cart, data, where)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"laod": 1}, "laod: unknown key; did you mean 'load'?"),
        ({"zzz": 1}, "zzz: unknown key; valid keys: hub, hubs, load, named, wheel"),
        ({"load": "much"}, "load: input should be a valid integer, unable to parse string as an integer, got 'much'"),
        ({"load": 12}, "load: at most 9, got 12"),
        ({"load": 7}, "cart: seven is not drivable"),
        ({"hubs": [{"colour": "red"}, {"size": 2}]}, "hubs.1.colour: required, but missing"),
        ({"hubs": [{"colour": "red", "sise": 2}]}, "hubs.0.sise: unknown key; did you mean 'size'?"),
        ({"hub": {"colour": "red", "sise": 2}}, "hub.sise: unknown key; did you mean 'size'?"),
        ({"named": {"a": {"colour": "red", "sise": 2}}}, "named.a.sise: unknown key; did you mean 'size'?"),
        ({"hub": {"colour": "red", "size": float("inf")}}, "hub.size: input should be a finite number, got inf"),
    ],
)
def test_one_clear_line_an_error(data: dict[str, Any], expected: str) -> None:
    assert _said(data) == [expected]


def test_the_place_is_said_first() -> None:
    assert _said({"laod": 1, "load": "x"}, "cart.yaml") == [
        "cart.yaml.load: input should be a valid integer, unable to parse string as an integer, got 'x'",
        "cart.yaml.laod: unknown key; did you mean 'load'?",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("weel", "unknown wheel 'weel'; did you mean 'wheel'?"),
        ({"kind": "weel"}, "did you mean 'wheel'?"),
        ({"spokes": 3}, "missing 'kind'; choose from: wheel"),
        ({"kind": 3}, "missing 'kind'"),
        (3, "expected a name or a mapping with 'kind', got 3"),
        ({"kind": "wheel", "spoke": 3}, "spoke: unknown key; did you mean 'spokes'?"),
        ({"kind": "wheel", "spokes": 0}, "spokes: input should be greater than or equal to 1, got 0"),
    ],
)
def test_a_part_is_named_or_described(value: object, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(WHEELS, value)
    assert expected in str(caught.value)
    (line,) = _said({"wheel": value})
    assert line.startswith("wheel: ")
    assert expected in line


def test_names_mappings_and_specs_are_the_same() -> None:
    assert resolve(WHEELS, "wheel") == resolve(WHEELS, {"kind": "wheel"}) == resolve(WHEELS, Wheel()) == Wheel()


def test_a_spec_goes_to_json_and_back_with_its_parts() -> None:
    cart = Cart(wheel=Wheel(spokes=5), hubs=(Hub(colour="red"),))
    assert cart.model_dump(mode="json")["wheel"] == {"kind": "wheel", "spokes": 5}
    assert Cart.model_validate_json(cart.model_dump_json()) == cart


def test_a_spec_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Cart().load = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", [2**63, -(10**30)])
def test_whole_numbers_that_no_tensor_can_count_are_refused(value: int) -> None:
    class Sizes(Spec):
        one: int = 1
        some: tuple[int, ...] = (1, 2)

    assert validate(Sizes, {"one": 2**63 - 1, "some": (2**62,)}).one == 2**63 - 1
    for given in ({"one": value}, {"some": (1, value)}):
        with pytest.raises(InputError, match=r"must be below 2\^63 in size") as caught:
            validate(Sizes, given)
        assert str(caught.value).count("got") <= 1
