"""IAM policy documents: exact actions on exact resources, and a written reason for whatever is wider."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from services.core.names import resource_name

Conditions = Mapping[str, Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement. `principal` is what a resource policy has and an identity policy has not.

    A `*` in an action or resource is refused without `wide_because`.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    principal: Mapping[str, pulumi.Input[str] | Sequence[str]] | str | None = None
    conditions: Conditions = field(default_factory=dict)
    effect: str = "Allow"
    wide_because: str | None = None

    def resolve(self) -> pulumi.Output[dict[str, Any]]:
        """The statement as IAM writes it. Raises ValueError for a wildcard without a reason."""
        return pulumi.Output.from_input(
            {
                "Sid": self.sid,
                "Effect": self.effect,
                "Action": list(self.actions),
                "Resource": list(self.resources),
                **({"Principal": self.principal} if self.principal else {}),
                **({"Condition": self.conditions} if self.conditions else {}),
            }
        ).apply(self._refuse_unexplained_wildcards)

    def _refuse_unexplained_wildcards(self, document: dict[str, Any]) -> dict[str, Any]:
        wide = [text for text in (*document["Action"], *document["Resource"]) if "*" in text]
        if wide and not self.wide_because:
            raise ValueError(f"Statement {self.sid} is wide without a reason: {', '.join(wide)}")
        return document


def document(*statements: Statement) -> pulumi.Output[str]:
    """The policy of these statements, as JSON."""
    return pulumi.Output.all(*(statement.resolve() for statement in statements)).apply(
        lambda resolved: json.dumps({"Version": "2012-10-17", "Statement": resolved})
    )


def boundary_name(stage: str) -> str:
    """The managed policy that bounds a stage's roles. The bootstrap stack makes it, out of the stage's own reach."""
    return resource_name("bootstrap", f"{stage}-boundary")


def trust(service: str, *, conditions: Conditions | None = None) -> pulumi.Output[str]:
    """The policy of a role that an AWS service, e.g. `lambda`, takes on."""
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    **({"Condition": conditions} if conditions else {}),
                }
            ],
        }
    )


def tls_only(actions: Sequence[str], *resources: pulumi.Input[str]) -> Statement:
    """Refuses every request that is not encrypted on its way."""
    return Statement(
        sid="TlsOnly",
        effect="Deny",
        principal="*",
        actions=actions,
        resources=resources,
        conditions={"Bool": {"aws:SecureTransport": "false"}},
        wide_because="a refusal is meant to cover whatever there is",
    )
