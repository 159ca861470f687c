"""The roles of the bootstrap stack, as IAM would decide on their calls."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from localcloud.authorization.policies import Context, Request, allows
from tests.contract.aws.plans import Planned, bootstrap_plan
from tests.unit.infra.plan import ACCOUNT

Statements = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Roles:
    """Every policy of a bootstrap plan."""

    plan: tuple[Planned, ...]

    @cached_property
    def _documents(self) -> dict[str, Statements]:
        return {
            item.arn: tuple(json.loads(item.inputs["policy"])["Statement"])
            for item in self.plan
            if item.kind == "iam:Policy"
        }

    @cached_property
    def _attached(self) -> dict[str, Statements]:
        found: dict[str, Statements] = {}
        for item in self.plan:
            if item.kind == "iam:RolePolicyAttachment":
                role = item.inputs["role"]
                found[role] = found.get(role, ()) + self._documents[item.inputs["policyArn"]]
        return found

    def statements(self, role: str) -> Statements:
        """The statements of every policy of a role, e.g. `dev-deploy`."""
        return self._attached[f"civicforge-bootstrap-{role}"]

    @property
    def names(self) -> list[str]:
        """Every role, without the prefix that they share."""
        return [role.removeprefix("civicforge-bootstrap-") for role in self._attached]

    def boundary(self, stage: str) -> Statements:
        """The statements of the boundary of the stage's roles."""
        return self._documents[f"arn:aws:iam::{ACCOUNT}:policy/civicforge-bootstrap-{stage}-boundary"]

    def allow(
        self,
        role: str,
        action: str,
        arn: str,
        context: Context | None = None,
        resource_policy: Sequence[Mapping[str, Any]] = (),
    ) -> bool:
        """IAM's decision on a call of a role."""
        principal = f"arn:aws:iam::{ACCOUNT}:role/civicforge-bootstrap-{role}"
        request = Request(action, arn, {**(context or {}), "aws:PrincipalArn": principal})
        return allows(self.statements(role), request, resource_policy=resource_policy, principal=principal)

    def grants(self, role: str, action: str) -> bool:
        """If any statement of a role lets an action through, on whatever resource."""
        return any(
            allows([{**statement, "Resource": "*", "Condition": {}}], Request(action))
            for statement in self.statements(role)
        )


def roles() -> Roles:
    """The roles as they are committed."""
    return Roles(bootstrap_plan())
