"""The errors that the model names and that nobody gets here, with the reason. Neither more nor fewer."""

REASONS = {
    # Two changes of one resource: the node makes the second anew by itself.
    "ConflictException": (
        "CreateApi", "CreateDeployment", "CreateIntegration", "GetTags", "ImportApi", "ReimportApi",
        "TagResource", "UntagResource", "UpdateApi", "UpdateDeployment", "UpdateDomainName",
        "UpdateIntegration", "UpdateRouteResponse", "UpdateStage",
    ),
    # Nothing is named that could be missing; a certificate may come later.
    "NotFoundException": ("CreateApi", "CreateDomainName", "GetApis", "GetDomainNames", "ImportApi"),
    # All that can be said is a label, and what fits none is not found.
    "BadRequestException": ("DeleteApiMapping", "DeleteRoutingRule", "GetApiMapping", "GetRoutingRule"),
}
UNRAISED = {(operation, name) for name, operations in REASONS.items() for operation in operations}
