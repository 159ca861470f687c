# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""IAM roles, policies and identity providers."""

import json
from typing import Any

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, not_found, without


@handles("aws:iam/role:Role")
class Role(Handler):
    names = {"assumeRolePolicy": "AssumeRolePolicyDocument"}
    replace_on = frozenset({"name", "path"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call(
            "iam",
            "create_role",
            without(inputs, "tags", "forceDetachPolicies"),
            renames={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
        )
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        client = cloud.client("iam")
        client.update_assume_role_policy(RoleName=id_, PolicyDocument=inputs["assumeRolePolicy"])
        settings = {key: inputs[key] for key in ("description", "maxSessionDuration") if inputs.get(key) is not None}
        cloud.call("iam", "update_role", settings, RoleName=id_)
        boundary = inputs.get("permissionsBoundary")
        if boundary:
            client.put_role_permissions_boundary(RoleName=id_, PermissionsBoundary=boundary)
        elif old.get("permissionsBoundary"):
            client.delete_role_permissions_boundary(RoleName=id_)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("iam").delete_role(RoleName=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        role = cloud.client("iam").get_role(RoleName=id_)["Role"]
        return {
            "arn": role["Arn"],
            "name": role["RoleName"],
            "uniqueId": role["RoleId"],
            "createDate": str(role["CreateDate"]),
        }


@handles("aws:iam/rolePolicy:RolePolicy")
class RolePolicy(Handler):
    replace_on = frozenset({"name", "role"})
    drift = frozenset({"policy"})
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs['role']}:{inputs['name']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call(
            "iam",
            "put_role_policy",
            without(inputs),
            renames={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
        )
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        role, _, name = id_.partition(":")
        cloud.client("iam").delete_role_policy(RoleName=role, PolicyName=name)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        role, _, name = id_.partition(":")
        live = cloud.client("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        declared = str(inputs.get("policy", "{}"))
        # The same document may be written in several ways.
        return {"policy": declared if json.loads(declared) == live else json.dumps(live)}


@handles("aws:iam/policy:Policy")
class Policy(Handler):
    names = {"policy": "Document"}
    replace_on = frozenset({"name", "path", "description"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return cloud.arn("iam", f"policy{inputs.get('path') or '/'}{inputs['name']}", region=False)

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        policy = cloud.call(
            "iam",
            "create_policy",
            without(inputs, "tags"),
            renames={"name": "PolicyName", "policy": "PolicyDocument"},
        )
        return str(policy["Policy"]["Arn"])

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        """A policy keeps at most five versions: the new one takes the place of the old."""
        client = cloud.client("iam")
        previous = client.get_policy(PolicyArn=id_)["Policy"]["DefaultVersionId"]
        client.create_policy_version(PolicyArn=id_, PolicyDocument=inputs["policy"], SetAsDefault=True)
        client.delete_policy_version(PolicyArn=id_, VersionId=previous)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("iam").delete_policy(PolicyArn=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        policy = cloud.client("iam").get_policy(PolicyArn=id_)["Policy"]
        cloud.client("iam").get_policy_version(PolicyArn=id_, VersionId=policy["DefaultVersionId"])
        return {"arn": policy["Arn"], "name": policy["PolicyName"], "policyId": policy["PolicyId"]}


@handles("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(Handler):
    replace_on = frozenset({"role", "policyArn"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs['role']}/{inputs['policyArn']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("iam", "attach_role_policy", without(inputs), renames={"role": "RoleName"})
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        role, _, arn = id_.partition("/")
        cloud.client("iam").detach_role_policy(RoleName=role, PolicyArn=arn)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        role, _, arn = id_.partition("/")
        attached: list[dict[str, Any]] = cloud.client("iam").list_attached_role_policies(RoleName=role)[
            "AttachedPolicies"
        ]
        if arn not in {policy["PolicyArn"] for policy in attached}:
            raise not_found("ListAttachedRolePolicies", f"attachment of {arn} to {role}")
        return {}


@handles("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
class OpenIdConnectProvider(Handler):
    replace_on = frozenset({"url", "clientIdLists", "thumbprintLists"})  # of which MiniStack can change none
    taggable = True

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return cloud.arn("iam", f"oidc-provider/{str(inputs['url']).removeprefix('https://')}", region=False)

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        provider = cloud.call(
            "iam",
            "create_open_id_connect_provider",
            without(inputs),
            renames={"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"},
        )
        return str(provider["OpenIDConnectProviderArn"])

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=id_)
        return {"arn": id_}
