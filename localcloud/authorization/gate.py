"""IAM authorization in front of the emulator: every AWS call of a session is checked against a role's policies.

    gate = Gate(endpoint, region, "civicforge-bootstrap-dev-deploy", tags)
    gate.attach(session)          # from now on the session's clients act as the role

The policies are read from the emulated account, where the bootstrap stack created them. Where AWS's documentation is
not clear about tags, the gate takes the stricter reading: routes and other parts of an API do not inherit the API's
tags, and a KMS key has no tags directly after its creation.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.authorization.calls import Authorization, Call, Tags, authorizations
from localcloud.authorization.policies import Request, Statement, allows, tag_context
from localcloud.emulator.root_key import root_key_of

_PARAMETERS: Final = "gate-parameters"


@dataclass(frozen=True)
class Denial:
    """A denied call."""

    operation: str
    action: str
    resource: str

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} (by {self.operation})"


class Gate:
    """Authorizes AWS calls for one role.

    Args:
        endpoint: URL of the emulated AWS.
        role: the name of the role.
        default_tags: tags that the AWS provider adds to every resource that it creates.
        enforce: raise an access denied error, as AWS does; otherwise denied calls are only recorded.

    Attributes:
        denials: the denied calls so far, without duplicates.
        decisions: the number of decisions so far.
    """

    def __init__(self, endpoint: str, region: str, role: str, default_tags: Tags, *, enforce: bool = True) -> None:
        self._region = region
        self._role = role
        self._default_tags = default_tags
        self._enforce = enforce
        self._lock = threading.RLock()
        self._root = boto3.Session(*root_key_of(endpoint), region_name=region)
        self._endpoint = endpoint
        self._clients: dict[str, Any] = {}
        self.account = str(self._client("sts").get_caller_identity()["Account"])
        self.principal = f"arn:aws:iam::{self.account}:role/{role}"
        self._statements = list(self._policies())
        self._created: dict[str, Tags] = {}
        self._tags: dict[str, Tags] = {}
        self.denials: dict[Denial, None] = {}
        self.decisions = 0

    def attach(self, session: boto3.Session) -> None:
        """Authorize every call of the clients that the session creates from now on."""
        session.events.register("before-parameter-build", self._before_call)
        session.events.register("after-call", self._after_call)

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._root.client(
                    service,  # type: ignore[call-overload]  # the overloads want a literal
                    endpoint_url=self._endpoint,
                    config=Config(s3={"addressing_style": "path"}, inject_host_prefix=False),
                )
            return self._clients[service]

    def _policies(self) -> Iterator[Statement]:
        iam = self._client("iam")
        for attached in iam.list_attached_role_policies(RoleName=self._role)["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"]
            yield from _statements(found["Document"])
        for name in iam.list_role_policies(RoleName=self._role)["PolicyNames"]:
            yield from _statements(iam.get_role_policy(RoleName=self._role, PolicyName=name)["PolicyDocument"])

    def _before_call(self, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        """Botocore's hook: authorizes a call. Raises ClientError if it is denied."""
        call = Call(
            model.service_model.service_name,
            model.name,
            params,
            self._region,
            self.account,
            str(model.http.get("method", "")),
            str(model.http.get("requestUri", "")),
        )
        context[_PARAMETERS] = dict(params)
        for asked in authorizations(call, self._default_tags):
            asked = replace(asked, context={**asked.context, **self._context_of(call, asked)})
            self.decisions += 1
            if not self._allows(asked):
                self.denials[Denial(model.name, asked.action, asked.resource)] = None
                if self._enforce:
                    raise _refusal(self.principal, asked, model.name)

    def _after_call(self, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any) -> None:
        """Botocore's hook: records the tags of a created resource, and forgets cached ones when tags change."""
        if "Error" in parsed:
            return
        given = context.get(_PARAMETERS, {})
        arn = _created_arn(model.service_model.service_name, model.name, given, parsed, self._region, self.account)
        with self._lock:
            if arn:
                self._created[arn] = self._default_tags
            if "Tag" in model.name or "tag" in model.name:  # TagResource, UntagResource and their like
                self._tags.clear()

    def _context_of(self, call: Call, asked: Authorization) -> dict[str, str]:
        """The condition keys whose values come from existing resources, not from the request."""
        try:
            if asked.action.startswith("iam:") and (role := call.get("RoleName")) and call.operation != "CreateRole":
                found = self._client("iam").get_role(RoleName=role)["Role"].get("PermissionsBoundary", {})
                boundary = call.get("PermissionsBoundary") or found.get("PermissionsBoundaryArn", "")
                return {"iam:PermissionsBoundary": boundary} if boundary else {}
            if call.service == "lambda" and (mapping := call.get("UUID")):
                known = self._client("lambda").get_event_source_mapping(UUID=mapping)
                return {"lambda:FunctionArn": known["FunctionArn"]}
        except ClientError:
            return {}
        return {}

    def _allows(self, asked: Authorization) -> bool:
        context = {**asked.context, "aws:PrincipalArn": self.principal}
        tags = tag_context(request=asked.tags, resource=self._tags_of(asked.resource))
        return allows(
            self._statements,
            Request(asked.action, asked.resource, {**tags, **context}),
            resource_policy=self._key_policy(asked.resource),
            principal=self.principal,
        )

    def _key_policy(self, arn: str) -> list[Statement]:
        if ":kms:" not in arn or ":key/" not in arn:
            return []
        try:
            return list(_statements(self._client("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"]))
        except ClientError:
            return []

    def _tags_of(self, arn: str) -> Tags:
        """The tags of a resource whose name AWS generates; policies find all others by the stage in their name."""
        with self._lock:
            if arn in self._created:
                return {} if ":kms:" in arn else self._created[arn]
            if arn not in self._tags:
                self._tags[arn] = self._read_tags(arn)
            return self._tags[arn]

    def _read_tags(self, arn: str) -> Tags:
        found: Any = {}
        try:
            match arn.split(":")[2] if arn.startswith("arn:") else "":
                case "apigateway" if "/tags/" not in arn:
                    found = self._client("apigatewayv2").get_tags(ResourceArn=arn)["Tags"]
                case "cognito-idp":
                    found = self._client("cognito-idp").list_tags_for_resource(ResourceArn=arn)["Tags"]
                case "cloudfront":
                    found = self._client("cloudfront").list_tags_for_resource(Resource=arn)["Tags"]["Items"]
                case "kms":
                    found = self._client("kms").list_resource_tags(KeyId=arn)["Tags"]
                case "lambda":
                    found = self._client("lambda").list_tags(Resource=arn)["Tags"]
                case "logs" if ":delivery:" in arn and not arn.endswith("*"):
                    found = self._client("logs").list_tags_for_resource(resourceArn=arn)["tags"]
        except (ClientError, KeyError):
            return {}
        if isinstance(found, Mapping):
            return dict(found)
        return {tag.get("Key", tag.get("TagKey")): tag.get("Value", tag.get("TagValue")) for tag in found}


def _statements(document: Any) -> Iterator[Statement]:
    parsed = json.loads(document) if isinstance(document, str) else document
    listed = parsed["Statement"]
    yield from listed if isinstance(listed, list) else [listed]


def _created_arn(
    service: str, operation: str, given: Mapping[str, Any], answer: Mapping[str, Any], region: str, account: str
) -> str:
    """The ARN of a resource that a call created and AWS named; empty for every other call."""
    match service, operation:
        case "apigatewayv2", "CreateApi":
            return f"arn:aws:apigateway:{region}::/apis/{answer['ApiId']}"
        case "apigatewayv2", "CreateStage":
            return f"arn:aws:apigateway:{region}::/apis/{given['ApiId']}/stages/{given['StageName']}"
        case "cognito-idp", "CreateUserPool":
            return f"arn:aws:cognito-idp:{region}:{account}:userpool/{answer['UserPool']['Id']}"
        case "cloudfront", "CreateDistribution":
            return f"arn:aws:cloudfront::{account}:distribution/{answer['Distribution']['Id']}"
        case "kms", "CreateKey":
            return f"arn:aws:kms:{region}:{account}:key/{answer['KeyMetadata']['KeyId']}"
        case "lambda", "CreateEventSourceMapping":
            return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{answer['UUID']}"
        case "logs", "CreateDelivery":
            return f"arn:aws:logs:us-east-1:{account}:delivery:{answer['delivery']['id']}"
    return ""


def _refusal(principal: str, asked: Authorization, operation: str) -> ClientError:
    message = f"User: {principal} is not authorized to perform: {asked.action} on resource: {asked.resource}"
    answer: Any = {"Error": {"Code": "AccessDeniedException", "Message": message}, "ResponseMetadata": {}}
    answer["ResponseMetadata"]["HTTPStatusCode"] = 403
    return ClientError(answer, operation)
