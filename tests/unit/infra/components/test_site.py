import json
import shutil
import subprocess

import pytest

from infra.components.site import EDGE_GUARD, SPA_ROUTING
from services.api.operations import OPERATIONS
from services.core.routes import ROUTES
from services.core.stages import STAGES
from tests.unit.infra.plan import ACCOUNT, Plan, plan, run_program


def test_buckets_are_closed(stage_plan: Plan) -> None:
    names = {bucket.inputs["bucket"] for bucket in stage_plan.of("Bucket")}
    assert names == {f"civicforge-{stage_plan.stage}-{thing}-{ACCOUNT}" for thing in ("site", "logs", "releases")}

    def of_every_bucket(type_: str) -> list[dict[str, object]]:
        found = stage_plan.of(type_)
        assert {resource.inputs["bucket"] for resource in found} == names, type_
        return [resource.inputs for resource in found]

    for block in of_every_bucket("BucketPublicAccessBlock"):
        assert {value for key, value in block.items() if key != "bucket"} == {True}
        assert len(block) == 5
    assert all(
        inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
        for inputs in of_every_bucket("BucketOwnershipControls")
    )
    assert all(
        inputs["versioningConfiguration"] == {"status": "Enabled"} for inputs in of_every_bucket("BucketVersioning")
    )
    for inputs in of_every_bucket("BucketServerSideEncryptionConfiguration"):
        assert inputs["rules"] == [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
    of_every_bucket("BucketLifecycleConfiguration")
    of_every_bucket("BucketPolicy")


def test_buckets_speak_tls_only(stage_plan: Plan) -> None:
    for policy in stage_plan.of("BucketPolicy"):
        (deny,) = (statement for statement in policy.policy() if statement["Effect"] == "Deny")
        assert deny["Principal"] == "*"
        assert deny["Action"] == ["s3:*"]
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(deny["Resource"]) == 2


def test_only_the_distribution_reads_the_site_bucket(stage_plan: Plan) -> None:
    allows = [s for s in stage_plan.one("BucketPolicy", "site").policy() if s["Effect"] == "Allow"]
    assert {action for statement in allows for action in statement["Action"]} == {"s3:GetObject", "s3:ListBucket"}
    for statement in allows:
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        arn = statement["Condition"]["StringEquals"]["aws:SourceArn"]
        assert ":distribution/site" in arn
    (access,) = stage_plan.of("OriginAccessControl")
    assert access.inputs["signingBehavior"] == "always"
    assert access.inputs["signingProtocol"] == "sigv4"


def test_the_distribution(stage_plan: Plan) -> None:
    (distribution,) = stage_plan.of("Distribution")
    inputs = distribution.inputs
    behaviors = [inputs["defaultCacheBehavior"], *inputs["orderedCacheBehaviors"]]
    assert all(behavior["viewerProtocolPolicy"] == "redirect-to-https" for behavior in behaviors)
    assert all(behavior["responseHeadersPolicyId"] for behavior in behaviors)
    page, api = behaviors
    assert (page["targetOriginId"], api["targetOriginId"], api["pathPattern"]) == ("documents", "api", "/api/*")
    assert [f["eventType"] for f in page["functionAssociations"]] == ["viewer-request"]
    assert "functionAssociations" not in api
    assert {"POST", "PATCH", "DELETE"} <= set(api["allowedMethods"])
    # Managed-AllViewerExceptHostHeader: API Gateway refuses a Host that is not its own.
    assert api["originRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    origins = {origin["originId"]: origin for origin in inputs["origins"]}
    assert origins["site"]["originAccessControlId"]
    assert origins["api"]["domainName"] == "api.execute-api.us-east-1.amazonaws.com"
    assert origins["api"]["customOriginConfig"]["originProtocolPolicy"] == "https-only"
    assert origins["api"]["customOriginConfig"]["originSslProtocols"] == ["TLSv1.2"]
    # What the bucket lacks is asked of the API, and of nothing else.
    assert inputs["originGroups"] == [
        {
            "originId": "documents",
            "failoverCriteria": {"statusCodes": [404]},
            "members": [{"originId": "site"}, {"originId": "api"}],
        }
    ]
    # A file that is missing stays missing: no error is turned into the app, and none of the api's is kept.
    assert inputs["customErrorResponses"] == [
        {"errorCode": code, "errorCachingMinTtl": int(code == 404)} for code in (404, 500, 502, 503, 504)
    ]
    assert inputs["viewerCertificate"] == {"cloudfrontDefaultCertificate": True}


def test_the_api_is_cached_for_seconds_and_never_across_tokens(stage_plan: Plan) -> None:
    (cache,) = stage_plan.of("CachePolicy")
    assert (cache.inputs["minTtl"], cache.inputs["defaultTtl"]) == (0, 0)
    assert 0 < cache.inputs["maxTtl"] <= 10
    key = cache.inputs["parametersInCacheKeyAndForwardedToOrigin"]
    assert key["headersConfig"]["headers"]["items"] == ["Authorization"]


@pytest.mark.parametrize(
    ("stage", "cognito"),
    [
        ("dev", "https://cognito-idp.us-east-1.amazonaws.com"),
        ("staging", "https://cognito-idp.us-east-1.amazonaws.com"),
        ("prod", "https://cognito-idp.us-east-1.amazonaws.com"),
        ("local", "http://localhost:4566"),
    ],
)
def test_security_headers(stage: str, cognito: str) -> None:
    (policy,) = plan(stage).of("ResponseHeadersPolicy")
    headers = policy.inputs["securityHeadersConfig"]
    assert headers["contentSecurityPolicy"]["contentSecurityPolicy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self' {cognito}; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
    assert headers["strictTransportSecurity"]["accessControlMaxAgeSec"] == 63_072_000
    assert headers["referrerPolicy"]["referrerPolicy"] == "no-referrer"
    assert headers["frameOptions"]["frameOption"] == "DENY"
    assert headers["contentTypeOptions"] == {"override": True}
    assert all(header["override"] is True for header in headers.values())
    custom = {item["header"]: item["value"] for item in policy.inputs["customHeadersConfig"]["items"]}
    assert custom["Cross-Origin-Opener-Policy"] == custom["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in custom["Permissions-Policy"]


def test_requests_are_logged_with_the_address_and_without_cookies_and_queries(stage_plan: Plan) -> None:
    (delivery,) = stage_plan.of("LogDelivery")
    assert {"x-edge-request-id", "sc-status", "cs-uri-stem", "c-ip"} <= set(delivery.inputs["recordFields"])
    assert not {"x-forwarded-for", "cs(Cookie)", "cs-uri-query", "cs(User-Agent)"} & set(
        delivery.inputs["recordFields"]
    )
    (source,) = stage_plan.of("LogDeliverySource")
    assert source.inputs["logType"] == "ACCESS_LOGS"
    assert ":distribution/site" in source.inputs["resourceArn"]
    days = STAGES[stage_plan.stage].log_retention_days
    (rule,) = stage_plan.one("BucketLifecycleConfiguration", "logs").inputs["rules"]
    assert rule["expiration"] == {"days": days}
    (rule,) = stage_plan.one("BucketLifecycleConfiguration", "site").inputs["rules"]
    assert "expiration" not in rule


def test_the_app_learns_where_it_is(stage_plan: Plan) -> None:
    (config,) = stage_plan.of("BucketObjectv2")
    assert config.inputs["key"] == "config.json"
    assert config.inputs["cacheControl"] == "no-cache"
    assert config.inputs["contentType"] == "application/json"
    local = stage_plan.stage == "local"
    assert json.loads(config.inputs["content"]) == {
        "stage": stage_plan.stage,
        "apiBase": "/api/v1",
        "region": "us-east-1",
        "userPoolId": stage_plan.exports.values["user_pool_id"],
        "userPoolClientId": stage_plan.exports.values["user_pool_client_id"],
        "cognitoEndpoint": "http://localhost:4566/" if local else "https://cognito-idp.us-east-1.amazonaws.com/",
        "mailbox": "/_local/mailbox" if local else None,
        "pushKey": json.loads(stage_plan.one("Parameter", "push-key").inputs["value"])["public"],
    }


def test_the_address_of_the_local_front_door() -> None:
    local = run_program("local", {"siteUrl": "http://localhost:8123"})
    assert local.exports.values["site_url"] == "http://localhost:8123"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/", "/published/home.html"),
        ("/status", "/published/status.html"),
        ("/status/x", "/index.html"),
        ("/quests/abc", "/published/quests/abc.html"),
        ("/quests/new", "/index.html"),
        ("/quests/abc/edit", "/index.html"),
        ("/quests", "/index.html"),
        ("/quests/", "/index.html"),
        ("/mine", "/index.html"),
        ("/published/board.json", "/published/board.json"),
        ("/quests.d/abc", "/index.html"),
        ("/assets/app.js", "/assets/app.js"),
        ("/missing.js", "/missing.js"),
        ("/config.json", "/config.json"),
    ],
)
def test_spa_routing(uri: str, expected: str) -> None:
    node = shutil.which("node")
    assert node, "node runs the CloudFront function"
    call = f"{SPA_ROUTING.read_text()}\nconsole.log(handler({{request: {{uri: {json.dumps(uri)}}}}}).uri);"
    result = subprocess.run([node, "-e", call], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == expected


def test_nobody_makes_copies_at_the_edge_by_parameters_of_their_own(stage_plan: Plan) -> None:
    (policy,) = stage_plan.of("CachePolicy")
    queries = policy.inputs["parametersInCacheKeyAndForwardedToOrigin"]["queryStringsConfig"]
    known = {
        name for route in ROUTES if route.method == "GET" for name in OPERATIONS[route.operation].query.model_fields
    }
    assert queries["queryStringBehavior"] == "whitelist"
    assert set(queries["queryStrings"]["items"]) == known


def test_blocked_addresses_are_refused_at_the_edge() -> None:
    assert not [made for made in plan("prod").of("Function") if made.inputs.get("name", "").endswith("edge-guard")]
    blocked = run_program("prod", {"blockedAddresses": '["203.0.113.7", "2001:db8:"]'})
    (guard,) = [made for made in blocked.of("Function") if made.inputs.get("name", "").endswith("edge-guard")]
    assert 'var BLOCKED = ["203.0.113.7", "2001:db8:"];' in guard.inputs["code"]
    (distribution,) = blocked.of("Distribution")
    (behaviour,) = distribution.inputs["orderedCacheBehaviors"]
    assert behaviour["functionAssociations"][0]["eventType"] == "viewer-request"


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("203.0.113.7", True),
        ("203.0.113.70", False),
        ("203.0.113.8", False),
        ("198.51.100.1", True),
        ("198.51.10.1", False),
        ("2001:db8:1::1", True),
        ("2001:db9::1", False),
    ],
)
def test_the_guard_refuses_who_is_blocked_and_nobody_else(address: str, *, refused: bool) -> None:
    node = shutil.which("node")
    assert node
    blocked = 'var BLOCKED = ["203.0.113.7", "198.51.100.", "2001:db8:"];'
    code = EDGE_GUARD.read_text().replace("var BLOCKED = [];", blocked)
    event = {"viewer": {"ip": address}, "request": {"uri": "/api/v1/quests"}}
    script = f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})))"
    ran = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True, timeout=30)
    answer = json.loads(ran.stdout)
    assert answer == event["request"] if not refused else answer["statusCode"] == 429
