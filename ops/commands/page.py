"""Publishing the app: its assets first, the HTML that names them last, and one invalidation of CloudFront."""

import mimetypes

from ops.shared import documents
from ops.shared.site import upload
from ops.shared.stage import LOCAL, OperatorError, Stage
from ops.shared.terminal import Terminal

# Whatever this machine's own table says.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("application/manifest+json", ".webmanifest")


def publish(stage: Stage, terminal: Terminal) -> None:
    """Upload the built app to the local cloud where it differs; elsewhere `deploy` does it, and records a release."""
    if stage.name != LOCAL:
        raise OperatorError(f"`civicforge deploy --stage {stage.name}` publishes the app, and can take it back.")
    done = upload(stage)
    if done.uploaded:
        documents.rebuild(stage)
    text = f"The app: {len(done.uploaded)} files uploaded." if done.uploaded else "The app is as it was."
    terminal.result({"uploaded": done.uploaded, "invalidation": done.invalidation}, text)
