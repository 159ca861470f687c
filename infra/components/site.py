"""The site: a private bucket with the app and the documents, and the distribution that serves it and the API."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws

from infra.components.api import Api
from infra.components.component import Component, account_id
from infra.components.identity import Identity
from infra.components.parameters import LiveParameters
from infra.components.policies import Statement, document, tls_only
from infra.components.private_bucket import PrivateBucket
from infra.config import StageConfig
from infra.observability.aws import GLOBAL_REGION
from services.core.routes import BASE_PATH, EDGE_QUERY

SPA_ROUTING = Path(__file__).with_name("spa_routing.js")
EDGE_GUARD = Path(__file__).with_name("edge_guard.js")
API_CACHE_SECONDS = 10
HSTS_SECONDS = 2 * 365 * 24 * 3600

# Ids of AWS's own policies, the same in every account.
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

# Which request met what, without cookies or queries. The visitor's address is kept as long as the log (decision 0022).
LOG_FIELDS = (
    "date",
    "time",
    "c-ip",
    "x-edge-location",
    "x-edge-request-id",
    "cs-method",
    "cs-uri-stem",
    "sc-status",
    "sc-bytes",
    "time-taken",
    "x-edge-result-type",
    "ssl-protocol",
    "cs-protocol-version",
)


def content_security_policy(cognito_endpoint: str) -> str:
    """The app's Content-Security-Policy: it loads and calls itself and Cognito only."""
    cognito = urlsplit(cognito_endpoint)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            f"connect-src 'self' {cognito.scheme}://{cognito.netloc}",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


class Site(Component):
    """`/api/*` goes to the API, everything else to the bucket, and what the bucket lacks to the API's word for that.

    Attributes:
        url: where the app answers.
    """

    def __init__(self, stage: StageConfig, api: Api, identity: Identity, parameters: LiveParameters) -> None:
        super().__init__(stage, "site")
        account = account_id()
        self.bucket = PrivateBucket(stage, "site", account).bucket
        self.logs = PrivateBucket(stage, "logs", account, keep_days=stage.log_retention_days).bucket
        self.distribution = self._distribution(api, identity)
        self._let_the_distribution_read()
        self._log_requests(account)
        self.url = pulumi.Output.from_input(
            stage.site_url or pulumi.Output.concat("https://", stage.domain or self.distribution.domain_name)
        )
        self._write_config(identity, parameters)
        self.register_outputs({})

    def _distribution(self, api: Api, identity: Identity) -> aws.cloudfront.Distribution:
        stage = self.stage
        access = aws.cloudfront.OriginAccessControl(
            "site",
            name=stage.name("site"),
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self.child,
        )
        routing = aws.cloudfront.Function(
            "spa-routing",
            name=stage.name("spa-routing"),
            runtime="cloudfront-js-2.0",
            code=SPA_ROUTING.read_text(),
            publish=True,
            opts=self.child,
        )
        headers = self._response_headers(identity)
        return aws.cloudfront.Distribution(
            "site",
            comment=stage.name("site"),
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class="PriceClass_100",
            aliases=[stage.domain] if stage.domain else None,
            # A document that is not there has a page that says so, which the API writes.
            origin_groups=[
                aws.cloudfront.DistributionOriginGroupArgs(
                    origin_id="documents",
                    failover_criteria=aws.cloudfront.DistributionOriginGroupFailoverCriteriaArgs(status_codes=[404]),
                    members=[
                        aws.cloudfront.DistributionOriginGroupMemberArgs(origin_id="site"),
                        aws.cloudfront.DistributionOriginGroupMemberArgs(origin_id="api"),
                    ],
                )
            ],
            origins=[
                aws.cloudfront.DistributionOriginArgs(
                    origin_id="site",
                    domain_name=self.bucket.bucket_regional_domain_name,
                    origin_access_control_id=access.id,
                ),
                aws.cloudfront.DistributionOriginArgs(
                    origin_id="api",
                    domain_name=api.api.api_endpoint.apply(lambda endpoint: urlsplit(endpoint).netloc),
                    custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                        http_port=80,
                        https_port=443,
                        origin_protocol_policy="https-only",
                        origin_ssl_protocols=["TLSv1.2"],
                    ),
                ),
            ],
            default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                target_origin_id="documents",
                viewer_protocol_policy="redirect-to-https",
                compress=True,
                allowed_methods=["GET", "HEAD"],
                cached_methods=["GET", "HEAD"],
                cache_policy_id=CACHING_OPTIMIZED,
                response_headers_policy_id=headers.id,
                function_associations=[
                    aws.cloudfront.DistributionDefaultCacheBehaviorFunctionAssociationArgs(
                        event_type="viewer-request", function_arn=routing.arn
                    )
                ],
            ),
            ordered_cache_behaviors=[
                aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
                    path_pattern="/api/*",
                    target_origin_id="api",
                    viewer_protocol_policy="redirect-to-https",
                    compress=True,
                    allowed_methods=["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
                    cached_methods=["GET", "HEAD"],
                    cache_policy_id=self._api_cache().id,
                    origin_request_policy_id=ALL_VIEWER_EXCEPT_HOST_HEADER,
                    response_headers_policy_id=headers.id,
                    function_associations=self._guard(),
                )
            ],
            # Else an error is given to everybody for ten seconds, whatever its Cache-Control says; a quest is public
            # in less time than that.
            custom_error_responses=[
                aws.cloudfront.DistributionCustomErrorResponseArgs(error_code=code, error_caching_min_ttl=seconds)
                for code, seconds in {404: 1, 500: 0, 502: 0, 503: 0, 504: 0}.items()
            ],
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(
                geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
            ),
            viewer_certificate=self._certificate(),
            opts=self.lasting,
        )

    def _guard(self) -> list[aws.cloudfront.DistributionOrderedCacheBehaviorFunctionAssociationArgs] | None:
        """The function that refuses the stage's blocked addresses, where it has any: each run costs."""
        if not self.stage.blocked_addresses:
            return None
        blocked = f"var BLOCKED = {json.dumps(self.stage.blocked_addresses)};"
        guard = aws.cloudfront.Function(
            "edge-guard",
            name=self.stage.name("edge-guard"),
            runtime="cloudfront-js-2.0",
            code=EDGE_GUARD.read_text().replace("var BLOCKED = [];", blocked),
            publish=True,
            opts=self.child,
        )
        return [
            aws.cloudfront.DistributionOrderedCacheBehaviorFunctionAssociationArgs(
                event_type="viewer-request", function_arn=guard.arn
            )
        ]

    def _certificate(self) -> aws.cloudfront.DistributionViewerCertificateArgs:
        """CloudFront lets nobody choose the least TLS version of its own certificate, only that of a domain's."""
        if self.stage.certificate_arn is None:
            return aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True)
        return aws.cloudfront.DistributionViewerCertificateArgs(
            acm_certificate_arn=self.stage.certificate_arn,
            minimum_protocol_version="TLSv1.2_2021",
            ssl_support_method="sni-only",
        )

    def _api_cache(self) -> aws.cloudfront.CachePolicy:
        """Keeps what the API calls cacheable, for seconds. One token's answers never meet another's, and nobody makes a
        copy more by a parameter of their own.
        """
        policy = aws.cloudfront
        return policy.CachePolicy(
            "api",
            name=self.stage.name("api"),
            min_ttl=0,
            default_ttl=0,
            max_ttl=API_CACHE_SECONDS,
            parameters_in_cache_key_and_forwarded_to_origin=policy.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
                cookies_config=policy.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(
                    cookie_behavior="none"
                ),
                headers_config=policy.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(
                    header_behavior="whitelist",
                    headers=policy.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigHeadersArgs(
                        items=["Authorization"]
                    ),
                ),
                query_strings_config=policy.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
                    query_string_behavior="whitelist",
                    query_strings=policy.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigQueryStringsArgs(
                        items=list(EDGE_QUERY)
                    ),
                ),
                enable_accept_encoding_brotli=True,
                enable_accept_encoding_gzip=True,
            ),
            opts=self.child,
        )

    def _response_headers(self, identity: Identity) -> aws.cloudfront.ResponseHeadersPolicy:
        policy = aws.cloudfront
        custom = {
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        return policy.ResponseHeadersPolicy(
            "site",
            name=self.stage.name("site"),
            security_headers_config=policy.ResponseHeadersPolicySecurityHeadersConfigArgs(
                content_security_policy=policy.ResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicyArgs(
                    content_security_policy=content_security_policy(identity.endpoint), override=True
                ),
                strict_transport_security=policy.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
                    access_control_max_age_sec=HSTS_SECONDS, include_subdomains=True, override=True
                ),
                content_type_options=policy.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                    override=True
                ),
                frame_options=policy.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                    frame_option="DENY", override=True
                ),
                referrer_policy=policy.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                    referrer_policy="no-referrer", override=True
                ),
            ),
            custom_headers_config=policy.ResponseHeadersPolicyCustomHeadersConfigArgs(
                items=[
                    policy.ResponseHeadersPolicyCustomHeadersConfigItemArgs(header=header, value=value, override=True)
                    for header, value in custom.items()
                ]
            ),
            opts=self.child,
        )

    def _let_the_distribution_read(self) -> None:
        objects = pulumi.Output.concat(self.bucket.arn, "/*")
        cloudfront = {"Service": "cloudfront.amazonaws.com"}
        for_this_distribution = {"StringEquals": {"aws:SourceArn": self.distribution.arn}}
        aws.s3.BucketPolicy(
            "site",
            bucket=self.bucket.id,
            policy=document(
                tls_only(["s3:*"], self.bucket.arn, objects),
                Statement(
                    sid="DistributionReads",
                    actions=["s3:GetObject"],
                    resources=[objects],
                    wide_because="every object in it is the app's",
                    principal=cloudfront,
                    conditions=for_this_distribution,
                ),
                # Without it S3 answers 403 for a file that is missing, not 404.
                Statement(
                    sid="DistributionSeesWhatIsMissing",
                    actions=["s3:ListBucket"],
                    resources=[self.bucket.arn],
                    principal=cloudfront,
                    conditions=for_this_distribution,
                ),
            ),
            opts=self.child,
        )

    def _log_requests(self, account: pulumi.Output[str]) -> None:
        delivered = aws.s3.BucketPolicy(
            "logs",
            bucket=self.logs.id,
            policy=document(
                tls_only(["s3:*"], self.logs.arn, pulumi.Output.concat(self.logs.arn, "/*")),
                Statement(
                    sid="LogDelivery",
                    principal={"Service": "delivery.logs.amazonaws.com"},
                    actions=["s3:PutObject"],
                    resources=[pulumi.Output.concat(self.logs.arn, "/*")],
                    conditions={"StringEquals": {"aws:SourceAccount": account}},
                    wide_because="the delivery names the objects",
                ),
            ),
            opts=self.child,
        )
        # Standard logging v2: the former kind needs a bucket with access lists.
        source = aws.cloudwatch.LogDeliverySource(
            "site",
            name=self.stage.name("site"),
            region=GLOBAL_REGION,
            log_type="ACCESS_LOGS",
            resource_arn=self.distribution.arn,
            opts=self.child,
        )
        destination = aws.cloudwatch.LogDeliveryDestination(
            "site",
            name=self.stage.name("site"),
            region=GLOBAL_REGION,
            output_format="json",
            delivery_destination_configuration=aws.cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
                destination_resource_arn=self.logs.arn
            ),
            opts=self.child,
        )
        aws.cloudwatch.LogDelivery(
            "site",
            region=GLOBAL_REGION,
            delivery_source_name=source.name,
            delivery_destination_arn=destination.arn,
            record_fields=list(LOG_FIELDS),
            opts=pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=[delivered])),
        )

    def _write_config(self, identity: Identity, parameters: LiveParameters) -> None:
        """The app's config.json, so that one build serves every stage."""
        content = pulumi.Output.json_dumps(
            {
                "stage": self.stage.stage,
                "apiBase": BASE_PATH,
                "region": self.stage.region,
                "userPoolId": identity.pool.id,
                "userPoolClientId": identity.client.id,
                "cognitoEndpoint": identity.endpoint,
                "mailbox": self.stage.mailbox,
                "pushKey": parameters.push_public_key,
            }
        )
        aws.s3.BucketObjectv2(
            "config.json",
            bucket=self.bucket.id,
            key="config.json",
            content=content,
            content_type="application/json",
            cache_control="no-cache",
            opts=self.child,
        )
