"""The families of resources: what makes, shows, lists, changes and deletes one."""

from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Family:
    """A resource that is made, shown, listed, changed and deleted."""

    name: str
    # The member of the reply that names it.
    id: str
    create: str
    read: str
    list: str
    delete: str
    update: str | None = None
    # Labels of what it belongs to.
    parents: Callable = lambda world: {}
    # The list's member with the resources.
    items: str = "Items"
    # Values by path or member, in place of the general ones.
    values: dict = field(default_factory=dict)
    # As `values`, for changes.
    changes: dict = field(default_factory=dict)
    # Members that its kind needs, though the model does not require them.
    least: tuple = ()
    # Members of inputs that replies do not have, or not so.
    unechoed: tuple = ()
    # What a reply has after a minimal input too.
    always: tuple = ()
    # What differs between two readings of the same.
    volatile: tuple = ()
    # Whether making the same again is a conflict.
    unique: bool = False
    # The member of which no two may have the same.
    named_by: str | None = None

    def operations(self):
        named = (self.create, self.read, self.list, self.update, self.delete)
        return [name for name in named if name]


def crud(noun, label=None, **options):
    """A family whose operations are named as most are."""
    named = {
        "name": label or noun,
        "id": f"{noun}Id",
        "create": f"Create{noun}",
        "read": f"Get{noun}",
        "list": f"Get{noun}s",
        "update": f"Update{noun}",
        "delete": f"Delete{noun}",
    }
    return Family(**{**named, **options})
