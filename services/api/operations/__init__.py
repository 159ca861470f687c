"""The operations of the API by their id. `services.core.routes` has the path of each and says who may call it."""

from collections.abc import Mapping

from services.api.operations.community import COMMUNITY
from services.api.operations.devices import DEVICES
from services.api.operations.inbox import INBOX
from services.api.operations.lists import LISTS
from services.api.operations.members import MEMBERS
from services.api.operations.messages import MESSAGE_OPERATIONS
from services.api.operations.moderation import MODERATION
from services.api.operations.operation import AnyOperation
from services.api.operations.quests import QUEST_OPERATIONS

OPERATIONS: Mapping[str, AnyOperation] = {
    **COMMUNITY,
    **LISTS,
    **INBOX,
    **DEVICES,
    **QUEST_OPERATIONS,
    **MESSAGE_OPERATIONS,
    **MEMBERS,
    **MODERATION,
}
