from __future__ import annotations

from dataclasses import dataclass

import pytest

from loopwright.errors import UsageError
from loopwright.workflows.deciding import who


@dataclass(frozen=True)
class Repository:
    name: str | None = None

    def user_name(self) -> str | None:
        return self.name

    def head(self) -> str | None:
        return None


def test_the_name_given_comes_first() -> None:
    assert who("Ann", Repository("Ben")) == "Ann"
    assert who(None, Repository("Ben")) == "Ben"


def test_a_name_is_one_line() -> None:
    assert who(" Ann\n Example ", Repository()) == "Ann Example"


@pytest.mark.parametrize("name", [None, "", " \n"])
def test_nobody_decides_nothing(name: str | None) -> None:
    with pytest.raises(UsageError, match="give --by NAME, or name yourself with: git config --global user.name NAME") as caught:
        who(None, Repository(name))
    assert caught.value.exit_code == 64


def test_an_empty_name_is_not_replaced_by_gits() -> None:
    with pytest.raises(UsageError, match="--by is empty; give the name"):
        who("  ", Repository("Ben"))
