"""Takes a resource through its life, with the least and with the most that can be said of it."""

from conformance import model
from conformance.values import GENERAL

UNKNOWN = "nothere123"


class Walk:
    """One family against one service."""

    def __init__(self, service, world, family):
        self.service, self.world, self.family = service, world, family
        self.book = service.book
        self.parents = family.parents(world)

    def run(self):
        for everything in (False, True):
            try:
                self._life(everything)
            except Exception as error:  # what was wrong is a finding of the walk
                self._wrong(self.at, f"{type(error).__name__}: {error}")
        if self.family.unique:
            self._twice()

    def _wrong(self, operation, text):
        self.book.wrong(operation, f"[{self.family.name}] {text}")

    def _ok(self, operation, everything):
        self.book.ok(operation, "maximal" if everything else "minimal")

    def input(self, operation, everything, values=None):
        """An input for an operation of this family, with the labels of its parents."""
        shape = self.service.operation(operation).input_shape
        family = self.family
        known = {**GENERAL, **family.values, **(values or {}), **self.parents}
        least = family.least if operation == family.create else ()
        return model.build(shape, operation, known, self.world, everything, least)

    def call(self, operation, arguments):
        self.at = operation
        return self.service.call(operation, arguments)

    def _life(self, everything):
        family = self.family
        sent = self.input(family.create, everything)
        made = self.call(family.create, sent)
        self._echoes(family.create, sent, made)
        for name in family.always:
            if name not in made:
                self._wrong(family.create, f"{name} is missing")
        self._ok(family.create, everything)
        named = {**self.parents, family.id: made[family.id]}
        try:
            self._same(family.read, made, self.call(family.read, named))
            self._ok(family.read, everything)
            self._listed(made, everything)
            if family.update:
                made = self._change(named, made, everything)
        finally:
            self.at = family.delete
            self.service.call(family.delete, named)
        self._ok(family.delete, everything)
        refused = self.service.refusal(family.read, named)
        if refused != "NotFoundException":
            self._wrong(family.read, f"{refused} after the deletion")

    def _echoes(self, operation, sent, got):
        for name, value in sent.items():
            if name in self.family.unechoed or name in self.parents:
                continue
            if name not in got:
                self._wrong(operation, f"{name} was sent and is not in the reply")
            elif not covers(got[name], value):
                self._wrong(operation, f"{name} is {got[name]!r}, not {value!r}")

    def _same(self, operation, one, other):
        for name in sorted(set(one) | set(other)):
            if name not in self.family.volatile and one.get(name) != other.get(name):
                self._wrong(operation, f"{name} is {other.get(name)!r} here, {one.get(name)!r} elsewhere")

    def _listed(self, made, everything):
        family = self.family
        paged = {"MaxResults": self._page_size()} if everything else {}
        found, token, pages = None, None, 0
        while pages < 100:
            following = {"NextToken": token} if token else {}
            page = self.call(family.list, {**self.parents, **paged, **following})
            pages += 1
            matching = [it for it in page[family.items] if it[family.id] == made[family.id]]
            found = matching[0] if matching else found
            token = page.get("NextToken")
            if not token:
                break
        if everything:
            self.book.sent[family.list].add("NextToken")
        if found is None:
            self._wrong(family.list, "the resource is not listed")
        else:
            self._same(family.list, made, found)
            self._ok(family.list, everything)

    def _page_size(self):
        shape = self.service.operation(self.family.list).input_shape.members["MaxResults"]
        return 1 if shape.type_name == "integer" else "1"

    def _change(self, named, made, everything):
        family = self.family
        values = {**(family.changes if everything else {}), **named}
        sent = {**self.input(family.update, everything, values), **named}
        changed = self.call(family.update, sent)
        self._echoes(family.update, {k: v for k, v in sent.items() if k not in named}, changed)
        if not everything and not family.update.startswith("Put"):
            self._same(family.update, made, changed)
        self._same(family.read, changed, self.call(family.read, named))
        self._ok(family.update, everything)
        return changed

    def _twice(self):
        """The same once more is a conflict."""
        family = self.family
        try:
            sent = self.input(family.create, False)
            made = self.call(family.create, sent)
        except Exception as error:
            self._wrong(family.create, f"once more: {type(error).__name__}: {error}")
            return
        refused = self.service.refusal(family.create, sent)
        if refused != "ConflictException":
            self._wrong(family.create, f"{refused}, not ConflictException, for the same twice")
        self.book.errors.setdefault(family.create, set()).add(refused)
        self.service.call(family.delete, {**self.parents, family.id: made[family.id]})


def covers(got, sent):
    """Whether a reply holds what was sent; it may say more of a structure."""
    if isinstance(sent, dict) and isinstance(got, dict):
        return all(name in got and covers(got[name], value) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(got, list):
        return len(got) == len(sent) and all(map(covers, got, sent))
    return got == sent
