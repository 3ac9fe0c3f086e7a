"""Every error that the model lets an operation raise, raised as its class."""

from conformance import model
from conformance.values import GENERAL
from conformance.walk import UNKNOWN


class Errors:
    """The refusals of one family's operations."""

    def __init__(self, service, walk, named):
        self.service, self.walk, self.book = service, walk, service.book
        self.named = named

    def run(self):
        for operation in self.walk.family.operations():
            self._not_found(operation)
            self._bad_request(operation)
        if self.walk.family.named_by:
            self._taken()

    def _labels(self, operation):
        shape = self.service.operation(operation).input_shape
        return [
            name for name, member in shape.members.items()
            if member.serialization.get("location") == "uri"
        ]

    def _input(self, operation):
        is_change = operation == self.walk.family.update
        values = {**self.walk.family.changes, **self.named} if is_change else self.named
        sent = self.walk.input(operation, False, values if operation != self.walk.family.create else {})
        return {**sent, **{k: v for k, v in self.named.items() if k in self._labels(operation)}}

    def _expect(self, operation, wanted, arguments, why):
        refused = self.service.refusal(operation, arguments)
        self.book.errors.setdefault(operation, set()).add(refused)
        if refused != wanted:
            self.book.wrong(operation, f"[{self.walk.family.name}] {refused}, not {wanted}: {why}")

    def _not_found(self, operation):
        """Each label in turn names nothing."""
        for label in self._labels(operation):
            arguments = {**self._input(operation), label: UNKNOWN}
            self._expect(operation, "NotFoundException", arguments, f"{label} names nothing")

    def _taken(self):
        """A change to what another one is named by."""
        family, walk = self.walk.family, self.walk
        made = [self.service.call(family.create, walk.input(family.create, True)) for _ in range(2)]
        named = {**walk.parents, family.id: made[1][family.id]}
        name = {family.named_by: made[0][family.named_by]}
        sent = walk.input(family.update, False, {**name, **named})
        self._expect(family.update, "ConflictException", {**sent, **name, **named}, "the name is taken")
        for it in made:
            self.service.call(family.delete, {**walk.parents, family.id: it[family.id]})

    def _bad_request(self, operation):
        modelled = {error.name for error in self.service.operation(operation).error_shapes}
        if "BadRequestException" not in modelled:
            return
        shape = self.service.operation(operation).input_shape
        for member, value in model.too_much(shape, operation):
            if member in self.walk.family.values and self.walk.family.values[member] is model.omit:
                continue
            # Of a change an empty text takes a member away, whatever the model says of its length.
            if operation == self.walk.family.update and value == "":
                continue
            arguments = {**self._input(operation), member: value}
            shown = repr(value)[:30]
            self._expect(operation, "BadRequestException", arguments, f"{member} is {shown}")
