"""The HTTP API: the routes of `services.core.routes`, all but the public ones behind the user pool's tokens."""

import json

import pulumi
import pulumi_aws as aws

from infra.components.component import Component
from infra.components.function import Function
from infra.components.identity import Identity
from infra.config import StageConfig
from services.core.names import GATEWAY_STAGE
from services.core.routes import GATEWAY_ROUTES

# No address, token, user or query: what a person did is in the service's own log, by the same request id.
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "protocol": "$context.protocol",
    "responseBytes": "$context.responseLength",
    "latencyMs": "$context.responseLatency",
    "integrationLatencyMs": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
    "error": "$context.error.message",
}


class Api(Component):
    """One Lambda behind every route. Page and API share a domain, so that there is no CORS to configure."""

    def __init__(self, stage: StageConfig, function: Function, identity: Identity) -> None:
        super().__init__(stage, "api")
        name = stage.name("api")
        self.api = aws.apigatewayv2.Api("api", name=name, protocol_type="HTTP", opts=self.lasting)
        integration = aws.apigatewayv2.Integration(
            "api",
            api_id=self.api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.live.invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=stage.size("api").timeout_seconds * 1000,
            opts=self.child,
        )
        authorizer = aws.apigatewayv2.Authorizer(
            "users",
            name=stage.name("users"),
            api_id=self.api.id,
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration=aws.apigatewayv2.AuthorizerJwtConfigurationArgs(
                issuer=identity.issuer, audiences=[identity.client.id]
            ),
            opts=self.child,
        )
        routes = [
            aws.apigatewayv2.Route(
                route.operation,
                api_id=self.api.id,
                route_key=route.key,
                target=pulumi.Output.concat("integrations/", integration.id),
                authorization_type="NONE" if route.public else "JWT",
                authorizer_id=None if route.public else authorizer.id,
                opts=self.child,
            )
            for route in GATEWAY_ROUTES
        ]
        self.access_log = aws.cloudwatch.LogGroup(
            "access", name=stage.name("api-access"), retention_in_days=stage.log_retention_days, opts=self.lasting
        )
        aws.apigatewayv2.Stage(
            "api",
            name=GATEWAY_STAGE,
            api_id=self.api.id,
            auto_deploy=True,
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=self.access_log.arn, format=json.dumps(ACCESS_LOG)
            ),
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=stage.throttle_rate,
                throttling_burst_limit=stage.throttle_burst,
                detailed_metrics_enabled=stage.route_metrics,
            ),
            route_settings=[
                aws.apigatewayv2.StageRouteSettingArgs(
                    route_key=throttle.route,
                    throttling_rate_limit=throttle.rate,
                    throttling_burst_limit=throttle.burst,
                    detailed_metrics_enabled=stage.route_metrics,
                )
                for throttle in stage.route_throttles
            ],
            # AWS refuses settings of a route that is not there yet.
            opts=pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=routes)),
        )
        aws.lambda_.Permission(
            "api",
            statement_id="HttpApi",
            action="lambda:InvokeFunction",
            function=function.function.name,
            qualifier=function.live.name,
            principal="apigateway.amazonaws.com",
            # Any route of this API; the ARN names the account, and API Gateway sends no source account.
            source_arn=pulumi.Output.concat(self.api.execution_arn, "/*"),
            opts=self.child,
        )
        self.register_outputs({})
