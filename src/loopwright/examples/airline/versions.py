"""The agent's releases: what each brought, and what each broke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from loopwright.errors import UsageError
from loopwright.examples.airline.defects import Defects


@dataclass(frozen=True, slots=True)
class AgentVersion:
    """`pets` is whether it understands requests about pets; `one_passenger` the rate of its regression."""

    name: str
    pets: bool = False
    one_passenger: float = 0.0

    def defects(self, planted: Defects) -> Defects:
        """What is wrong with this version, where `planted` is wrong with all of them."""
        return replace(planted, prices_one_passenger=max(planted.prices_one_passenger, self.one_passenger))


VERSIONS: Mapping[str, AgentVersion] = {
    "1.0": AgentVersion("1.0"),
    "1.1": AgentVersion("1.1", pets=True, one_passenger=0.9),
    "1.2": AgentVersion("1.2", pets=True),
}
"""1.1 learns about pets and quotes the price of one passenger for a whole party; 1.2 mends that."""


def agent_version(name: str) -> AgentVersion:
    """The version of that name, also with a suffix of the user's own such as `1.0+guards`; raises `UsageError`."""
    found = VERSIONS.get(name.partition("+")[0])
    if found is None:
        raise UsageError(f"the airline agent has no version {name!r}; there are {', '.join(VERSIONS)}")
    return found
