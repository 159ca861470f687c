"""A stage of CivicForge: the whole platform, as `pulumi up` and the local cloud run it. See also `infra.bootstrap`."""

import sys
from pathlib import Path

# Pulumi puts this folder on the path; imports are from the repository's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pulumi

from infra.bootstrap import STACK, bootstrap
from infra.components.api import Api
from infra.components.budget import Budget
from infra.components.data import Data
from infra.components.delivery import Delivery
from infra.components.functions import (
    api_function,
    by_service,
    canary_function,
    housekeeping_function,
    notifier_function,
    onboarding_function,
    publisher_function,
    rewards_function,
)
from infra.components.identity import Identity
from infra.components.mail import Mail, MailFeedback
from infra.components.messaging import Alerts, DeadLetters
from infra.components.observability import Observability
from infra.components.operations import Operations
from infra.components.parameters import LiveParameters, StackParameters
from infra.components.site import Site
from infra.config import StageConfig
from infra.prerequisites import require
from services.core import parameters as declared


def platform() -> None:
    """Everything that a stage has."""
    stage = StageConfig.load()
    require(stage)

    data = Data(stage)
    dead_letters = DeadLetters(stage)
    parameters = LiveParameters(stage)

    onboarding = onboarding_function(stage, data, dead_letters, parameters)
    identity = Identity(stage, onboarding)
    api = api_function(stage, data, identity, parameters)
    rewards = rewards_function(stage, data, dead_letters, identity, parameters)
    housekeeping = housekeeping_function(stage, data, dead_letters, identity, parameters)

    gateway = Api(stage, api, identity)
    site = Site(stage, gateway, identity, parameters)
    publisher = publisher_function(stage, data, dead_letters, site)
    mail = Mail(stage)
    notifier = notifier_function(stage, data, dead_letters, identity, parameters, site, mail)
    canary = canary_function(stage, data, dead_letters, identity, parameters, site)
    functions = by_service(onboarding, api, rewards, housekeeping, publisher, notifier, canary)
    Delivery(stage, data, dead_letters, functions)

    alerts = Alerts(stage)
    MailFeedback(stage, mail, alerts, notifier)
    Budget(stage, alerts)
    Observability(stage, alerts, gateway, site, identity)
    Operations(stage)

    StackParameters(
        stage,
        {
            declared.USER_POOL_ID: identity.pool.id,
            declared.USER_POOL_CLIENT_ID: identity.client.id,
            declared.SITE_URL: site.url,
            declared.SITE_BUCKET: site.bucket.bucket,
            declared.DISTRIBUTION_ID: site.distribution.id,
            declared.API_ID: gateway.api.id,
        },
    )

    outputs = {
        "stage": stage.stage,
        "region": stage.region,
        "site_url": site.url,
        "site_bucket": site.bucket.bucket,
        "distribution_id": site.distribution.id,
        "distribution_domain": site.distribution.domain_name,
        "api_id": gateway.api.id,
        "api_url": gateway.api.api_endpoint,
        "user_pool_id": identity.pool.id,
        "user_pool_client_id": identity.client.id,
        "users_table": data.users.name,
        "quests_table": data.quests.name,
        "ledger_table": data.ledger.name,
        "inbox_table": data.inbox.name,
        **{queue.output: made.url for queue, made in dead_letters.queues.items()},
        "page_topic_arn": alerts.page.arn,
        "notify_topic_arn": alerts.notify.arn,
        **{f"function_{name}": function.function.name for name, function in functions.items()},
    }
    for name, value in outputs.items():
        pulumi.export(name, value)


bootstrap() if pulumi.get_stack() == STACK else platform()
