import json

from services.core.routes import GATEWAY_ROUTES
from tests.unit.infra.plan import Plan, run_program

# Written out again on purpose: opening a route must be said twice.
PUBLIC = {
    "GET /api/health",
    "GET /api/v1/quests",
    "GET /api/v1/quests/{questId}",
    "GET /api/v1/quests/{questId}/messages",
    "GET /api/v1/users/{userId}",
    "POST /api/v1/unsubscribe",
    "GET /api/v1/stats",
    "GET /published/home.html",
    "GET /published/quests/{document}",
}


def test_every_route_but_the_public_ones_wants_a_token(stage_plan: Plan) -> None:
    authorizer = stage_plan.one("Authorizer", "users")
    routes = {route.inputs["routeKey"]: route.inputs for route in stage_plan.of("Route")}
    assert routes.keys() == {route.key for route in GATEWAY_ROUTES}
    assert {key for key, route in routes.items() if route["authorizationType"] == "NONE"} == PUBLIC
    for key in routes.keys() - PUBLIC:
        assert routes[key]["authorizationType"] == "JWT", key
        assert routes[key]["authorizerId"] == authorizer.inputs["name"], key


def test_tokens_are_those_of_this_pool_and_client(stage_plan: Plan) -> None:
    (authorizer,) = stage_plan.of("Authorizer")
    assert authorizer.inputs["jwtConfiguration"] == {
        "issuer": "https://cognito-idp.us-east-1.amazonaws.com/users",
        "audiences": [stage_plan.exports.values["user_pool_client_id"]],
    }
    assert authorizer.inputs["identitySources"] == ["$request.header.Authorization"]


def test_throttles_and_metrics(stage_plan: Plan) -> None:
    (gateway,) = stage_plan.of("Stage")
    rate, burst = (20, 40) if stage_plan.stage == "dev" else (100, 200)
    settings = gateway.inputs["defaultRouteSettings"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (rate, burst)
    assert settings["detailedMetricsEnabled"] is False
    keys = {route.key for route in GATEWAY_ROUTES}
    for override in gateway.inputs["routeSettings"]:
        assert override["routeKey"] in keys
        assert 0 < override["throttlingRateLimit"] <= rate
        # An override replaces the defaults as a whole.
        assert override["detailedMetricsEnabled"] is False


def test_route_settings_wait_for_their_routes(stage_plan: Plan) -> None:
    (gateway,) = stage_plan.of("Stage")
    urns = {route.registration.urn for route in stage_plan.of("Route")}
    assert urns <= set(gateway.registration.dependencies)


def test_the_access_log_is_json_and_names_nobody(stage_plan: Plan) -> None:
    (gateway,) = stage_plan.of("Stage")
    settings = gateway.inputs["accessLogSettings"]
    fields = json.loads(settings["format"])
    assert fields["requestId"] == "$context.requestId"
    assert {"$context.status", "$context.routeKey"} <= set(fields.values())
    for telltale in ("identity", "claims", "sourceIp", "path", "userAgent", "header"):
        assert telltale not in settings["format"], telltale
    assert settings["destinationArn"].endswith(f"civicforge-{stage_plan.stage}-api-access")


def test_the_gateway_waits_no_longer_than_the_function(stage_plan: Plan) -> None:
    timeout = stage_plan.one("Integration", "api").inputs["timeoutMilliseconds"]
    assert timeout == stage_plan.one_function("api").inputs["timeout"] * 1000


def test_one_domain_needs_no_cors(stage_plan: Plan) -> None:
    assert all("corsConfiguration" not in api.inputs for api in stage_plan.of("Api"))


def test_a_stage_may_ask_for_the_metrics_of_each_route() -> None:
    settings = run_program("dev", {"routeMetrics": "true"}).one("Stage", "api").inputs
    assert settings["defaultRouteSettings"]["detailedMetricsEnabled"] is True
