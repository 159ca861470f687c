"""One stage in one account, as ARNs and conditions."""

from dataclasses import dataclass

from infra.components.policies import Conditions, boundary_name
from infra.observability.aws import GLOBAL_REGION
from services.core.names import PUBLISHED, audit_log_group, parameter_name, resource_name

_RESOURCE_TAG = "aws:ResourceTag/stage"
_REQUEST_TAG = "aws:RequestTag/stage"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One stage in one account, and the things of the bootstrap stack that its roles need, as ARNs."""

    stage: str
    region: str
    account: str
    state_bucket: str
    secrets_key: str

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        """An ARN of this account and region; S3, CloudFront and IAM leave parts out."""
        return f"arn:aws:{service}:{self.region if region else ''}:{self.account if account else ''}:{resource}"

    @property
    def named(self) -> str:
        """The pattern of the stage's names."""
        return resource_name(self.stage, "*")

    @property
    def boundary(self) -> str:
        """The policy that bounds every role which the stage's deploy role makes."""
        return self.arn("iam", f"policy/{boundary_name(self.stage)}", region=False)

    @property
    def tables(self) -> tuple[str, ...]:
        return (self.arn("dynamodb", f"table/{self.named}"),)

    @property
    def functions(self) -> tuple[str, ...]:
        return (self.arn("lambda", f"function:{self.named}"),)

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.arn("iam", f"role/{self.named}", region=False),)

    @property
    def queues(self) -> tuple[str, ...]:
        return (self.arn("sqs", self.named),)

    @property
    def topics(self) -> tuple[str, ...]:
        return (self.arn("sns", self.named),)

    @property
    def configuration_sets(self) -> tuple[str, ...]:
        return (self.arn("ses", f"configuration-set/{self.named}"),)

    @property
    def parameters(self) -> tuple[str, ...]:
        return (self.parameter("*"),)

    def parameter(self, key: str) -> str:
        """The ARN of one of the stage's SSM parameters."""
        return self.arn("ssm", f"parameter{parameter_name(self.stage, key)}")

    @property
    def buckets(self) -> tuple[str, ...]:
        return (self.arn("s3", self.named, region=False, account=False),)

    @property
    def site_objects(self) -> tuple[str, ...]:
        return (self._objects("site"),)

    @property
    def documents(self) -> tuple[str, ...]:
        return (self._objects("site").replace("/*", f"/{PUBLISHED}*"),)

    @property
    def release_objects(self) -> tuple[str, ...]:
        return (self._objects("releases"),)

    @property
    def live_release(self) -> str:
        """The object that says which release is live, without which a preview would show another."""
        return self._objects("releases").replace("/*", "/current")

    def _objects(self, bucket: str) -> str:
        name = resource_name(self.stage, f"{bucket}-{self.account}")
        return self.arn("s3", f"{name}/*", region=False, account=False)

    @property
    def log_groups(self) -> tuple[str, ...]:
        # The pattern at the end also covers `:*`, which most calls want behind the name of a group.
        groups = (f"/aws/lambda/{self.named}", self.named, f"{audit_log_group(self.stage)}*")
        return tuple(self.arn("logs", f"log-group:{group}") for group in groups)

    @property
    def log_delivery_ends(self) -> tuple[str, ...]:
        """Source and destination of CloudFront's log."""
        return tuple(self._edge_log(f"{kind}:{self.named}") for kind in ("delivery-source", "delivery-destination"))

    @property
    def log_delivery(self) -> tuple[str, ...]:
        """The ARN of a delivery, whose name AWS makes up."""
        return (self._edge_log("delivery:*"),)

    def _edge_log(self, resource: str) -> str:
        return f"arn:aws:logs:{GLOBAL_REGION}:{self.account}:{resource}"

    @property
    def alarms(self) -> tuple[str, ...]:
        return (self.arn("cloudwatch", f"alarm:{self.named}"),)

    @property
    def dashboards(self) -> tuple[str, ...]:
        return (self.arn("cloudwatch", f"dashboard/{self.named}", region=False),)

    @property
    def schedules(self) -> tuple[str, ...]:
        kinds = (f"schedule/{self.named}/{self.named}", f"schedule-group/{self.named}")
        return tuple(self.arn("scheduler", kind) for kind in kinds)

    @property
    def billing_view(self) -> str:
        """The account's own view of its costs, which a budget reads."""
        return self.arn("billing", "billingview/primary", region=False)

    @property
    def distributions(self) -> tuple[str, ...]:
        return (self.arn("cloudfront", "distribution/*", region=False),)

    @property
    def budgets(self) -> tuple[str, ...]:
        return (self.arn("budgets", f"budget/{self.named}", region=False),)

    @property
    def edge_functions(self) -> tuple[str, ...]:
        return (self.arn("cloudfront", f"function/{self.named}", region=False),)

    @property
    def mappings(self) -> tuple[str, ...]:
        return (self.arn("lambda", "event-source-mapping:*"),)

    @property
    def pools(self) -> tuple[str, ...]:
        return (self.arn("cognito-idp", "userpool/*"),)

    @property
    def apis(self) -> tuple[str, ...]:
        return (self.arn("apigateway", "/apis/*", account=False),)

    @property
    def api_parts(self) -> tuple[str, ...]:
        """The children of an API. They carry no tag, and AWS's documents differ on whether it inherits the API's."""
        kinds = ("authorizers", "deployments", "integrations", "routes", "stages")
        return tuple(self.arn("apigateway", f"/apis/*/{kind}*", account=False) for kind in kinds)

    @property
    def api_stages(self) -> tuple[str, ...]:
        return tuple(self.arn("apigateway", f"/apis/*/{path}", account=False) for path in ("stages", "stages/*"))

    @property
    def api_tags(self) -> tuple[str, ...]:
        return (self.arn("apigateway", "/tags/*", account=False),)

    @property
    def tagged(self) -> Conditions:
        """Only what carries the stage's tag."""
        return {"StringEquals": {_RESOURCE_TAG: self.stage}}

    @property
    def stays_tagged(self) -> Conditions:
        """Only what carries the stage's tag, which no request may change; it may change the other tags alone."""
        return {"StringEquals": {_RESOURCE_TAG: self.stage}, "StringEqualsIfExists": {_REQUEST_TAG: self.stage}}

    @property
    def created_with_tag(self) -> Conditions:
        """Only what is created with the stage's tag, and never what carries another stage's."""
        return {"StringEquals": {_REQUEST_TAG: self.stage}, "StringEqualsIfExists": {_RESOURCE_TAG: self.stage}}

    @property
    def readable_unless_other_stage(self) -> Conditions:
        """Not what carries another stage's tag; for reading what may carry none."""
        return {"StringEqualsIfExists": {_RESOURCE_TAG: self.stage}}

    @property
    def writable_unless_other_stage(self) -> Conditions:
        """Not what carries or would get another stage's tag; for what may carry none."""
        return {"StringEqualsIfExists": {_RESOURCE_TAG: self.stage, _REQUEST_TAG: self.stage}}
