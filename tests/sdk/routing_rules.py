"""apigatewayv2: routing rules of a domain name, made, read and followed by requests."""

import gateway
import httpx

v2 = gateway.client("apigatewayv2")
DOMAIN = "api.example.com"
SHAPE = {"Actions", "Conditions", "Priority", "RoutingRuleArn", "RoutingRuleId"}


def make(name):
    """An API whose answers begin with its name."""
    api_id = v2.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
    integration = v2.create_integration(
        ApiId=api_id,
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="ANY",
        IntegrationUri=f"{gateway.BACKEND_URL}/{name}/{{proxy}}",
        PayloadFormatVersion="1.0",
    )["IntegrationId"]
    target = "integrations/" + integration
    v2.create_route(ApiId=api_id, RouteKey="ANY /{proxy+}", Target=target)
    v2.create_stage(ApiId=api_id, StageName="prod", AutoDeploy=True)
    return api_id


def reached(path, **headers):
    """What the back end was asked for, or the status of a refusal."""
    headers = {"Host": DOMAIN, **headers}
    answer = httpx.get(gateway.GATEWAY_URL + path, headers=headers, timeout=20)
    return answer.json()["target"] if answer.status_code == 200 else answer.status_code


def headers(*pairs):
    """A condition that one of these headers meets."""
    any_of = [{"Header": name, "ValueGlob": value} for name, value in pairs]
    return {"MatchHeaders": {"AnyOf": any_of}}


def paths(*any_of):
    """A condition of base paths."""
    return {"MatchBasePaths": {"AnyOf": list(any_of)}}


def to(api_id, strip=False):
    """An action."""
    return [{"InvokeApi": {"ApiId": api_id, "Stage": "prod", "StripBasePath": strip}}]


def rule(priority, conditions, actions):
    """Makes a rule and returns it, as it is read back too."""
    made = v2.create_routing_rule(
        DomainName=DOMAIN, Priority=priority, Conditions=conditions, Actions=actions
    )
    made.pop("ResponseMetadata")
    assert set(made) == SHAPE, made
    assert (made["Priority"], made["Conditions"], made["Actions"]) == (priority, conditions, actions)
    assert made["RoutingRuleArn"].endswith(f"/domainnames/{DOMAIN}/routingrules/{made['RoutingRuleId']}")
    read = v2.get_routing_rule(DomainName=DOMAIN, RoutingRuleId=made["RoutingRuleId"])
    read.pop("ResponseMetadata")
    assert read == made, (read, made)
    return made["RoutingRuleId"]


old, new, rest = make("old"), make("new"), make("rest")
domain = v2.create_domain_name(DomainName=DOMAIN)
assert domain["RoutingMode"] == "API_MAPPING_ONLY", domain
v2.create_api_mapping(DomainName=DOMAIN, ApiId=rest, Stage="prod", ApiMappingKey="mapped")
beta = rule(20, [headers(("x-version", "beta*"), ("X-Beta", "1"))], to(new))
shop = rule(30, [paths("shop", "shop/v2"), headers(("x-shop", "*"))], to(old, strip=True))
kept = rule(40, [paths("kept")], to(old))

# Rules are kept and have no effect until the mode says so.
assert reached("/mapped/a") == "/rest/a"
assert reached("/kept/a") == 403
mode = v2.update_domain_name(DomainName=DOMAIN, RoutingMode="ROUTING_RULE_THEN_API_MAPPING")
assert mode["RoutingMode"] == "ROUTING_RULE_THEN_API_MAPPING", mode
for path, sent, target in [
    ("/mapped/a", {}, "/rest/a"),
    ("/mapped/a", {"X-Version": "beta-2"}, "/new/mapped/a"),
    ("/mapped/a", {"x-version": "Beta-2"}, "/rest/a"),
    ("/any", {"x-beta": "1"}, "/new/any"),
    ("/any", {"x-beta": "10"}, 403),
    ("/shop/a", {"x-shop": ""}, "/old/a"),
    ("/shop/v2/a", {"x-shop": "y"}, "/old/a"),
    ("/shop/a", {}, 403),
    ("/shopping/a", {"x-shop": "y"}, 403),
    ("/kept/a", {}, "/old/kept/a"),
]:
    assert reached(path, **sent) == target, (path, sent, reached(path, **sent), target)
v2.update_domain_name(DomainName=DOMAIN, RoutingMode="ROUTING_RULE_ONLY")
assert reached("/mapped/a") == 403
assert reached("/kept/a") == "/old/kept/a"

# The lowest priority wins, a rule without conditions takes what is left.
v2.put_routing_rule(
    DomainName=DOMAIN, RoutingRuleId=kept, Priority=1_000_000, Conditions=[], Actions=to(rest)
)
assert reached("/kept/a") == "/rest/kept/a"
assert reached("/kept/a", **{"x-beta": "1"}) == "/new/kept/a"
v2.put_routing_rule(
    DomainName=DOMAIN, RoutingRuleId=kept, Priority=1, Conditions=[], Actions=to(rest)
)
assert reached("/kept/a", **{"x-beta": "1"}) == "/rest/kept/a"

# Read in their order, page by page.
order, token = [], {}
while True:
    page = v2.list_routing_rules(DomainName=DOMAIN, MaxResults=2, **token)
    order += [it["RoutingRuleId"] for it in page["RoutingRules"]]
    if "NextToken" not in page:
        break
    token = {"NextToken": page["NextToken"]}
assert order == [kept, beta, shop], order

# Mistakes.
good = {"DomainName": DOMAIN, "Priority": 50, "Conditions": [], "Actions": to(old)}
for change, code in [
    ({"Priority": 20}, "ConflictException"),
    ({"Actions": to("nothere")}, "NotFoundException"),
    ({"DomainName": "other.example.com"}, "NotFoundException"),
    ({"Actions": []}, "BadRequestException"),
    ({"Actions": to(old) + to(new)}, "BadRequestException"),
    ({"Conditions": [{}]}, "BadRequestException"),
    ({"Conditions": [paths("/slash")]}, "BadRequestException"),
    ({"Conditions": [paths("a"), paths("b")]}, "BadRequestException"),
    ({"Conditions": [headers(("a b", "c"))]}, "BadRequestException"),
    ({"Conditions": [headers(("a", "b*c"))]}, "BadRequestException"),
    ({"Conditions": [headers(("a", "b"))] * 3}, "BadRequestException"),
]:
    gateway.refused(code, v2.create_routing_rule, **{**good, **change})
gateway.refused("NotFoundException", v2.get_routing_rule, DomainName=DOMAIN, RoutingRuleId="none")
gateway.refused(
    "BadRequestException", v2.update_domain_name, DomainName=DOMAIN, RoutingMode="SOMEHOW"
)
# What a rule leads to stays while it does.
gateway.refused("ConflictException", v2.delete_api, ApiId=new)
gateway.refused("ConflictException", v2.delete_stage, ApiId=new, StageName="prod")
for it in order:
    v2.delete_routing_rule(DomainName=DOMAIN, RoutingRuleId=it)
gateway.refused("NotFoundException", v2.delete_routing_rule, DomainName=DOMAIN, RoutingRuleId=beta)
v2.delete_api(ApiId=new)
assert reached("/kept/a") == 403
print("routing_rules: ok")
