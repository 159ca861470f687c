import pytest

from services.core.services import SERVICES
from services.core.settings import ApiSettings, Settings, SettingsError
from tests.unit.services.cloud import CLIENT_ID, Cloud

VALUES = {"LOG_LEVEL": "INFO", "PUSH_LOOPBACK": "False"}


def environment(model: type[Settings]) -> dict[str, str]:
    return {name: VALUES.get(name, "7") for name in model.variables()}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_built_is_read_back(service: str) -> None:
    model = SERVICES[service].settings
    settings = model.load({**environment(model), "PATH": "/bin", "AWS_REGION": "eu-central-1"})
    assert settings.environment() == environment(model)
    assert model.load(settings.environment()) == settings


@pytest.mark.parametrize("service", SERVICES)
def test_every_missing_variable_is_named(service: str) -> None:
    model = SERVICES[service].settings
    for missing in model.variables():
        with pytest.raises(SettingsError, match=missing):
            model.load({name: value for name, value in environment(model).items() if name != missing})
    with pytest.raises(SettingsError) as all_missing:
        model.load({})
    assert all(name in str(all_missing.value) for name in model.variables())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG_LEVEL", "LOUD"),
        ("BOARD_SHARDS", "0"),
        ("BOARD_SHARDS", "65"),
        ("BOARD_SHARDS", "many"),
        ("QUEST_LIFETIME_DAYS", "0"),
        ("CLAIM_DAYS", "1.5"),
        ("CREATES_PER_HOUR", "0"),
        ("CLAIMS_PER_HOUR", "-1"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        ApiSettings.load({**environment(ApiSettings), name: value})


def test_every_variable_is_described() -> None:
    for service in SERVICES.values():
        assert all(field.description for field in service.settings.model_fields.values())


def test_settings_do_not_change(cloud: Cloud) -> None:
    settings = cloud.settings()
    assert settings.cognito_app_client_id == CLIENT_ID
    with pytest.raises(ValueError, match="frozen"):
        settings.stage = "prod"  # type: ignore[misc]  # that it is refused at run time too is the test
