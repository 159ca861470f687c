"""The stack `bootstrap`, made once for an account: what must be there before GitHub can deploy any stage.

`scripts/setup-oidc.sh` runs it. The state bucket, the key of the stages' secrets, GitHub as an identity provider and
three roles for each stage are called `civicforge-bootstrap-*`, which no stage's role may touch: none can widen itself.
"""

from infra.bootstrap.github import STACK, BootstrapConfig
from infra.bootstrap.stack import Bootstrap, bootstrap

__all__ = ["STACK", "Bootstrap", "BootstrapConfig", "bootstrap"]
