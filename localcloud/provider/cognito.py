# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""Cognito user pools, their clients, groups and domains."""

from collections.abc import Mapping
from typing import Any

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, without

_MFA = ("softwareTokenMfaConfiguration", "emailMfaConfiguration", "webAuthnConfiguration")
_RENAMES = {"name": "PoolName", "fromEmailAddress": "From"}
_ONLY_AT_CREATION = ("schemas", "usernameAttributes", "aliasAttributes", "usernameConfiguration")


@handles("aws:cognito/userPool:UserPool")
class UserPool(Handler):
    replace_on = frozenset({"usernameAttributes", "aliasAttributes", "usernameConfiguration"})
    taggable = True

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        pool = cloud.call("cognito-idp", "create_user_pool", _pool(inputs), renames={**_RENAMES, "schemas": "Schema"})[
            "UserPool"
        ]
        pool_id = str(pool["Id"])
        self._multi_factor(cloud, pool_id, inputs)
        return pool_id

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        pages = cloud.client("cognito-idp").get_paginator("list_user_pools").paginate(MaxResults=60)
        return [pool["Id"] for page in pages for pool in page["UserPools"] if pool["Name"] == inputs["name"]]

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        added = [schema for schema in inputs.get("schemas") or [] if schema not in (old.get("schemas") or [])]
        if added:
            cloud.call("cognito-idp", "add_custom_attributes", {"customAttributes": added}, UserPoolId=id_)
        cloud.call(
            "cognito-idp",
            "update_user_pool",
            without(_pool(inputs), *_ONLY_AT_CREATION),
            renames=_RENAMES,
            UserPoolId=id_,
        )
        self._multi_factor(cloud, id_, inputs)

    def _multi_factor(self, cloud: Cloud, pool_id: str, inputs: Inputs) -> None:
        if any(inputs.get(key) for key in _MFA):
            cloud.call(
                "cognito-idp",
                "set_user_pool_mfa_config",
                {key: inputs.get(key) for key in (*_MFA, "mfaConfiguration")},
                UserPoolId=pool_id,
            )

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("cognito-idp").delete_user_pool(UserPoolId=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        pool = cloud.client("cognito-idp").describe_user_pool(UserPoolId=id_)["UserPool"]
        return {
            "arn": pool["Arn"],
            "name": pool["Name"],
            "endpoint": f"cognito-idp.{cloud.region}.amazonaws.com/{id_}",
            "domain": pool.get("Domain", ""),
            "creationDate": str(pool.get("CreationDate", "")),
        }


def _pool(inputs: Inputs) -> dict[str, Any]:
    policies = {key: inputs[key] for key in ("passwordPolicy", "signInPolicy") if inputs.get(key)}
    rest = without(inputs, "passwordPolicy", "signInPolicy", "tags", *_MFA)
    if inputs.get("schemas"):
        rest["schemas"] = [_schema(schema) for schema in inputs["schemas"]]
    return {**rest, "policies": policies} if policies else rest


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """AWS wants the bounds as text."""
    bounds = ("stringAttributeConstraints", "numberAttributeConstraints")
    return {**schema, **{key: {k: str(v) for k, v in schema[key].items()} for key in bounds if schema.get(key)}}


@handles("aws:cognito/userPoolClient:UserPoolClient")
class UserPoolClient(Handler):
    replace_on = frozenset({"userPoolId", "generateSecret"})
    secret_outputs = frozenset({"clientSecret"})

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        client = cloud.call("cognito-idp", "create_user_pool_client", without(inputs), renames={"name": "ClientName"})
        return str(client["UserPoolClient"]["ClientId"])

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        pages = (
            cloud.client("cognito-idp")
            .get_paginator("list_user_pool_clients")
            .paginate(UserPoolId=inputs["userPoolId"], MaxResults=60)
        )
        clients = (client for page in pages for client in page["UserPoolClients"])
        return [client["ClientId"] for client in clients if client["ClientName"] == inputs["name"]]

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call(
            "cognito-idp",
            "update_user_pool_client",
            without(inputs, "generateSecret"),
            renames={"name": "ClientName"},
            ClientId=id_,
        )

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("cognito-idp").delete_user_pool_client(UserPoolId=inputs["userPoolId"], ClientId=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        client = cloud.client("cognito-idp").describe_user_pool_client(UserPoolId=inputs["userPoolId"], ClientId=id_)
        return {"clientSecret": client["UserPoolClient"].get("ClientSecret", "")}


@handles("aws:cognito/userGroup:UserGroup")
class UserGroup(Handler):
    replace_on = frozenset({"userPoolId", "name"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs['userPoolId']}/{inputs['name']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("cognito-idp", "create_group", without(inputs), renames={"name": "GroupName"})
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        """MiniStack has no UpdateGroup: the group is made again, and its members with it."""
        client = cloud.client("cognito-idp")
        group = {"UserPoolId": inputs["userPoolId"], "GroupName": inputs["name"]}
        pages = client.get_paginator("list_users_in_group").paginate(**group)
        members = [user["Username"] for page in pages for user in page["Users"]]
        self.delete(cloud, id_, inputs)
        self.create(cloud, inputs)
        for member in members:
            client.admin_add_user_to_group(**group, Username=member)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("cognito-idp").delete_group(UserPoolId=inputs["userPoolId"], GroupName=inputs["name"])

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        pool, _, name = id_.partition("/")
        cloud.client("cognito-idp").get_group(UserPoolId=pool, GroupName=name)
        return {}
