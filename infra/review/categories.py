"""The category of each input: what a change of it is about, and what stops while a resource is replaced.

A type or an input of our plans without a category fails a test. An input that a change brings in and that is not
declared here is told as unclassified, with a warning: nothing is passed over.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Category(StrEnum):
    """The section of a preview that tells a change of an input; the value is its title."""

    SECURITY = "Security"
    DATA = "Data"
    AVAILABILITY = "Availability"
    UNCLASSIFIED = "⚠ Not classified (add it to `infra/review/categories.py`)"
    MONEY = "Money"
    HARMLESS = "harmless"
    PERMISSION = "permissions"
    """Told by `permissions`, in sentences."""
    ALARM = "alarms"
    """Told by `alarms`, in sentences."""


SECURITY, DATA, AVAILABILITY, MONEY, HARMLESS, PERMISSION, ALARM = (
    Category.SECURITY,
    Category.DATA,
    Category.AVAILABILITY,
    Category.MONEY,
    Category.HARMLESS,
    Category.PERMISSION,
    Category.ALARM,
)


@dataclass(frozen=True)
class Kind:
    """A type of resource."""

    inputs: Mapping[str, Category]
    outage: str = ""
    """The effect on the platform while the resource does not exist; empty if there is none."""
    safer: Mapping[str, bool] = field(default_factory=dict)
    """Paths of inputs by which it gets safer when they grow or are on (True), or when they shrink (False)."""


def _kind(outage: str = "", safer: Mapping[str, bool] | None = None, **categories: str) -> Kind:
    """The inputs by category, each category's as words: `security="a b", harmless="c"`."""
    return Kind(
        {key: Category[category.upper()] for category, keys in categories.items() for key in keys.split()},
        outage,
        safer or {},
    )


EVERYWHERE: Final[Mapping[str, Category]] = {"tags": HARMLESS, "tagsAll": HARMLESS, "region": AVAILABILITY}
"""Inputs that many types have."""

KINDS: Final[Mapping[str, Kind]] = {
    "aws:apigatewayv2/api:Api": _kind(
        "every call fails, and the API's address changes",
        security="corsConfiguration disableExecuteApiEndpoint",
        availability="protocolType routeKey target version",
        harmless="name description",
    ),
    "aws:apigatewayv2/authorizer:Authorizer": _kind(
        "every call with a token is refused",
        security="authorizerType identitySources jwtConfiguration authorizerUri enableSimpleResponses "
        "authorizerCredentialsArn authorizerResultTtlInSeconds",
        availability="apiId authorizerPayloadFormatVersion",
        harmless="name",
    ),
    "aws:apigatewayv2/integration:Integration": _kind(
        "the routes to it answer 500",
        security="credentialsArn requestParameters tlsConfig connectionType",
        availability="apiId integrationType integrationUri payloadFormatVersion timeoutMilliseconds integrationMethod "
        "responseParameters",
        harmless="description",
        safer={"timeoutMilliseconds": True},
    ),
    "aws:apigatewayv2/route:Route": _kind(
        "the call answers 404",
        security="authorizationType authorizerId authorizationScopes apiKeyRequired",
        availability="apiId routeKey target",
        harmless="operationName",
    ),
    "aws:apigatewayv2/stage:Stage": _kind(
        "every call fails",
        security="accessLogSettings clientCertificateId",
        availability="apiId autoDeploy defaultRouteSettings routeSettings deploymentId stageVariables name",
        harmless="description",
        safer={"defaultRouteSettings": True, "routeSettings": True},
    ),
    "aws:appautoscaling/policy:Policy": _kind(
        "a table does not follow its load",
        availability="policyType resourceId scalableDimension serviceNamespace "
        "targetTrackingScalingPolicyConfiguration",
        harmless="name",
    ),
    "aws:appautoscaling/target:Target": _kind(
        "a table does not follow its load",
        availability="resourceId scalableDimension serviceNamespace roleArn suspendedState",
        money="maxCapacity minCapacity",
    ),
    "aws:budgets/budget:Budget": _kind(
        "nobody is told of what is spent",
        money="budgetType costFilters limitAmount limitUnit notifications timeUnit autoAdjustData costTypes",
        harmless="name accountId",
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": _kind(
        security="parametersInCacheKeyAndForwardedToOrigin",
        availability="defaultTtl maxTtl minTtl",
        harmless="name comment",
    ),
    "aws:cloudfront/originRequestPolicy:OriginRequestPolicy": _kind(
        security="cookiesConfig headersConfig queryStringsConfig", harmless="name comment"
    ),
    "aws:cloudfront/distribution:Distribution": _kind(
        "the app is unreachable, and its address changes",
        security="restrictions viewerCertificate defaultCacheBehavior orderedCacheBehaviors origins webAclId",
        availability="customErrorResponses defaultRootObject enabled httpVersion isIpv6Enabled aliases staging "
        "originGroups",
        money="priceClass loggingConfig",
        harmless="comment waitForDeployment retainOnDelete",
        safer={"enabled": True, "isIpv6Enabled": True},
    ),
    "aws:cloudfront/function:Function": _kind(
        "the app's addresses are not rewritten",
        security="code",
        availability="publish runtime",
        harmless="name comment",
    ),
    "aws:cloudfront/keyValueStore:KeyValueStore": _kind("its readers find nothing", harmless="name comment"),
    "aws:cloudfront/originAccessControl:OriginAccessControl": _kind(
        "the app's files cannot be read",
        security="originAccessControlOriginType signingBehavior signingProtocol",
        harmless="name description",
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _kind(
        security="customHeadersConfig securityHeadersConfig corsConfig removeHeadersConfig serverTimingHeadersConfig",
        harmless="name comment",
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _kind(
        alarm="actionsEnabled actionsSuppressor alarmActions alarmRule okActions insufficientDataActions",
        harmless="alarmDescription alarmName",
    ),
    "aws:cloudwatch/dashboard:Dashboard": _kind(harmless="dashboardBody dashboardName"),
    "aws:cloudwatch/logDelivery:LogDelivery": _kind(
        "the edge logs nothing",
        security="deliveryDestinationArn deliverySourceName recordFields s3DeliveryConfigurations",
        harmless="fieldDelimiter",
    ),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": _kind(
        "the edge logs nothing",
        security="deliveryDestinationConfiguration deliveryDestinationType",
        harmless="name outputFormat",
    ),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": _kind(
        "the edge logs nothing", security="logType resourceArn", harmless="name"
    ),
    "aws:cloudwatch/logGroup:LogGroup": _kind(
        "what is logged is lost",
        security="kmsKeyId",
        data="retentionInDays skipDestroy",
        harmless="name logGroupClass",
    ),
    "aws:cloudwatch/queryDefinition:QueryDefinition": _kind(harmless="logGroupNames name queryString"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _kind(
        alarm="actionsEnabled alarmActions comparisonOperator datapointsToAlarm dimensions evaluationPeriods "
        "metricName "
        "metricQueries namespace okActions period statistic extendedStatistic threshold treatMissingData unit "
        "insufficientDataActions thresholdMetricId evaluateLowSampleCountPercentiles",
        harmless="alarmDescription name",
    ),
    "aws:cognito/userGroup:UserGroup": _kind(
        "its members lose what it gives", security="precedence roleArn userPoolId", harmless="description name"
    ),
    "aws:cognito/userPool:UserPool": _kind(
        "nobody can sign in or sign up",
        {"passwordPolicy": True, "passwordPolicy.temporaryPasswordValidityDays": False},
        security="accountRecoverySetting adminCreateUserConfig aliasAttributes autoVerifiedAttributes "
        "deviceConfiguration "
        "mfaConfiguration passwordPolicy signInPolicy softwareTokenMfaConfiguration emailMfaConfiguration "
        "smsConfiguration "
        "userAttributeUpdateSettings userPoolAddOns usernameAttributes usernameConfiguration webAuthnConfiguration",
        data="deletionProtection schemas",
        availability="emailConfiguration emailVerificationMessage emailVerificationSubject lambdaConfig "
        "verificationMessageTemplate smsAuthenticationMessage smsVerificationMessage",
        money="userPoolTier",
        harmless="name",
    ),
    "aws:cognito/userPoolClient:UserPoolClient": _kind(
        "nobody can sign in",
        {
            "accessTokenValidity": False,
            "idTokenValidity": False,
            "refreshTokenValidity": False,
            "enableTokenRevocation": True,
        },
        security="accessTokenValidity allowedOauthFlows allowedOauthFlowsUserPoolClient allowedOauthScopes "
        "authSessionValidity "
        "callbackUrls defaultRedirectUri enablePropagateAdditionalUserContextData enableTokenRevocation "
        "explicitAuthFlows "
        "generateSecret idTokenValidity logoutUrls preventUserExistenceErrors readAttributes refreshTokenRotation "
        "refreshTokenValidity supportedIdentityProviders tokenValidityUnits writeAttributes",
        availability="userPoolId",
        harmless="name analyticsConfiguration",
    ),
    "aws:costexplorer/costAllocationTag:CostAllocationTag": _kind(money="status tagKey"),
    "aws:dynamodb/table:Table": _kind(
        "every call that reads or writes it fails",
        {"deletionProtectionEnabled": True, "readCapacity": True, "writeCapacity": True, "onDemandThroughput": True},
        security="serverSideEncryption",
        data="deletionProtectionEnabled hashKey rangeKey localSecondaryIndexes pointInTimeRecovery replicas "
        "restoreDateTime "
        "ttl importTable",
        availability="attributes globalSecondaryIndexes streamEnabled streamViewType",
        money="billingMode onDemandThroughput readCapacity writeCapacity tableClass",
        harmless="name",
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _kind(
        "no workflow can deploy", security="clientIdLists thumbprintLists url"
    ),
    "aws:iam/policy:Policy": _kind(
        "its holders lose what it gives", permission="policy", security="path", harmless="name description"
    ),
    "aws:iam/role:Role": _kind(
        "its holders are refused everything",
        permission="assumeRolePolicy inlinePolicies managedPolicyArns permissionsBoundary",
        security="maxSessionDuration path forceDetachPolicies",
        harmless="name description",
        safer={"maxSessionDuration": False},
    ),
    "aws:iam/rolePolicy:RolePolicy": _kind(
        "its role is refused what it gives", permission="policy", security="role", harmless="name"
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _kind(
        "its role is refused what it gives", permission="policyArn role"
    ),
    "aws:kms/alias:Alias": _kind("what encrypts by it fails", security="targetKeyId", harmless="name"),
    "aws:kms/key:Key": _kind(
        "what it encrypts cannot be read",
        {"enableKeyRotation": True, "deletionWindowInDays": True, "rotationPeriodInDays": False, "isEnabled": True},
        permission="policy",
        security="bypassPolicyLockoutSafetyCheck customerMasterKeySpec enableKeyRotation keyUsage multiRegion "
        "rotationPeriodInDays",
        data="deletionWindowInDays isEnabled",
        harmless="description",
    ),
    "aws:lambda/alias:Alias": _kind(
        "every call of it fails", availability="functionName functionVersion routingConfig", harmless="name description"
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": _kind(
        "what is written waits, at most as long as its stream keeps it",
        {"enabled": True, "maximumRetryAttempts": True, "maximumRecordAgeInSeconds": True},
        security="kmsKeyArn",
        data="destinationConfig filterCriteria functionResponseTypes maximumRecordAgeInSeconds maximumRetryAttempts "
        "startingPosition startingPositionTimestamp",
        availability="batchSize bisectBatchOnFunctionError enabled eventSourceArn functionName "
        "maximumBatchingWindowInSeconds parallelizationFactor scalingConfig tumblingWindowInSeconds",
    ),
    "aws:lambda/function:Function": _kind(
        "every call of it fails",
        {"memorySize": True, "timeout": True, "reservedConcurrentExecutions": True},
        security="kmsKeyArn role vpcConfig codeSigningConfigArn environment layers",
        data="deadLetterConfig",
        availability="architectures ephemeralStorage handler memorySize packageType "
        "reservedConcurrentExecutions runtime "
        "snapStart timeout imageUri imageConfig",
        harmless="code description loggingConfig name publish tracingConfig s3Bucket s3Key s3ObjectVersion "
        "sourceCodeHash",
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _kind(
        "what fails is lost",
        {"maximumRetryAttempts": True, "maximumEventAgeInSeconds": True},
        data="destinationConfig maximumEventAgeInSeconds maximumRetryAttempts functionName qualifier",
    ),
    "aws:lambda/functionUrl:FunctionUrl": _kind(
        "its address changes", security="authorizationType cors", availability="functionName invokeMode qualifier"
    ),
    "aws:lambda/permission:Permission": _kind(
        "who may call it is refused",
        permission="action function principal qualifier sourceAccount sourceArn principalOrgId functionUrlAuthType "
        "eventSourceToken",
        harmless="statementId",
    ),
    "aws:s3/bucket:Bucket": _kind(
        "its files cannot be read",
        {"forceDestroy": False},
        security="acl",
        data="forceDestroy objectLockEnabled versioning lifecycleRules",
        harmless="bucket",
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _kind(data="rules", harmless="bucket"),
    "aws:s3/bucketObjectv2:BucketObjectv2": _kind(
        "its readers find nothing",
        availability="cacheControl content contentBase64 contentType key source sourceHash contentEncoding metadata",
        harmless="bucket etag",
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _kind(security="rule", harmless="bucket"),
    "aws:s3/bucketPolicy:BucketPolicy": _kind(
        "who may read the bucket is refused", permission="policy", harmless="bucket"
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _kind(
        "the bucket may be made public",
        dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True),
        security="blockPublicAcls blockPublicPolicy ignorePublicAcls restrictPublicBuckets",
        harmless="bucket skipDestroy",
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _kind(
        security="rules", harmless="bucket expectedBucketOwner"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _kind(data="versioningConfiguration mfa", harmless="bucket"),
    "aws:scheduler/schedule:Schedule": _kind(
        "it does not run",
        availability="endDate flexibleTimeWindow groupName scheduleExpression scheduleExpressionTimezone "
        "startDate state target",
        security="kmsKeyArn",
        harmless="name description",
    ),
    "aws:scheduler/scheduleGroup:ScheduleGroup": _kind("none of its schedules runs", harmless="name"),
    "aws:ses/configurationSet:ConfigurationSet": _kind(
        "no mail is sent",
        availability="sendingEnabled deliveryOptions reputationMetricsEnabled trackingOptions",
        harmless="name",
    ),
    "aws:sesv2/configurationSet:ConfigurationSet": _kind(
        "no mail is sent",
        {"sendingOptions.sendingEnabled": True},
        availability="deliveryOptions sendingOptions reputationOptions suppressionOptions trackingOptions vdmOptions",
        harmless="configurationSetName",
    ),
    "aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination": _kind(
        "bounces and complaints are not heard of",
        availability="eventDestination configurationSetName",
        harmless="eventDestinationName",
    ),
    "aws:sesv2/emailIdentity:EmailIdentity": _kind(
        "no mail is sent", security="dkimSigningAttributes", availability="emailIdentity configurationSetName"
    ),
    "aws:sns/topic:Topic": _kind(
        "what is published to it is lost",
        security="kmsMasterKeyId policy signatureVersion",
        availability="deliveryPolicy fifoTopic contentBasedDeduplication",
        harmless="name displayName",
    ),
    "aws:sns/topicPolicy:TopicPolicy": _kind("who may publish is refused", permission="policy", harmless="arn"),
    "aws:sns/topicSubscription:TopicSubscription": _kind(
        alarm="endpoint protocol topic filterPolicy filterPolicyScope rawMessageDelivery redrivePolicy deliveryPolicy "
        "endpointAutoConfirms confirmationTimeoutInMinutes",
    ),
    "aws:sqs/queue:Queue": _kind(
        "what is sent to it is lost",
        {"messageRetentionSeconds": True, "sqsManagedSseEnabled": True},
        security="kmsMasterKeyId sqsManagedSseEnabled policy kmsDataKeyReusePeriodSeconds",
        data="messageRetentionSeconds redrivePolicy redriveAllowPolicy maxMessageSize",
        availability="delaySeconds fifoQueue receiveWaitTimeSeconds visibilityTimeoutSeconds",
        harmless="name",
    ),
    "aws:sqs/queuePolicy:QueuePolicy": _kind("who may send is refused", permission="policy", harmless="queueUrl"),
    "aws:sqs/redrivePolicy:RedrivePolicy": _kind(data="redrivePolicy", harmless="queueUrl"),
    "aws:ssm/parameter:Parameter": _kind(
        "its readers fall back to what they know",
        security="keyId type value insecureValue allowedPattern dataType overwrite",
        harmless="description name tier",
    ),
}


def category_of(type_: str, key: str) -> Category:
    """The category of an input; `UNCLASSIFIED` if none is declared."""
    kind = KINDS.get(type_)
    declared = kind.inputs.get(key) if kind else None
    return declared or EVERYWHERE.get(key) or Category.UNCLASSIFIED


def undeclared(type_: str, inputs: Mapping[str, Any]) -> set[str]:
    """The inputs of a resource that have no category; all of them for an unknown type."""
    return {key for key in inputs if category_of(type_, key) is Category.UNCLASSIFIED}


def is_safer(type_: str, path: str, old: object, new: object) -> bool:
    """True if a change is known to make things safer, or more available."""
    kind = KINDS.get(type_)
    rules = {declared: up for declared, up in (kind.safer if kind else {}).items() if _covers(declared, path)}
    if not rules:
        return False
    up = rules[max(rules, key=len)]
    if isinstance(old, bool | int | float) and isinstance(new, bool | int | float):
        return _amount(new) > _amount(old) if up else _amount(new) < _amount(old)
    return False


def _amount(value: float) -> float:
    """As AWS means it: -1 is no limit."""
    return math.inf if value == -1 else value


def _covers(declared: str, path: str) -> bool:
    return path == declared or path.startswith((f"{declared}.", f"{declared}["))
