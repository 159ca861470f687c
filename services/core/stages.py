"""The stages: one declaration of each. Workflows, GitHub environments, roles, previews and docs are compared with it.

A stage holds what people made unless it is declared disposable; `infra.config` is strict with every other one.
To add one: docs/contributing/stage.md.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class DeclaredStage:
    """A stage: stack and `Pulumi.<name>.yaml`.

    Attributes:
        environment: the GitHub environment whose jobs deploy it; None if nothing in CI does.
        log_retention_days: days that its logs are kept.
        disposable: nobody misses its data, so that it may be unprotected, log at DEBUG and be seeded.
        production: prod itself; by hand it is deployed from what is committed only.
    """

    name: str
    environment: str | None
    log_retention_days: int
    disposable: bool = False
    production: bool = False

    @property
    def on_aws(self) -> bool:
        """True if it is deployed to an AWS account."""
        return self.environment is not None


LOCAL: Final = DeclaredStage(name="local", environment=None, log_retention_days=7, disposable=True)
DEV: Final = DeclaredStage(name="dev", environment="development", log_retention_days=7, disposable=True)
STAGING: Final = DeclaredStage(name="staging", environment="staging", log_retention_days=30)
PROD: Final = DeclaredStage(name="prod", environment="production", log_retention_days=90, production=True)

STAGES: Final = {stage.name: stage for stage in (LOCAL, DEV, STAGING, PROD)}
"""Every stage by its name, in the order in which a release takes them."""
ON_AWS: Final = tuple(stage.name for stage in STAGES.values() if stage.on_aws)
"""The names of the stages that are deployed to AWS, in the order in which a release takes them."""
