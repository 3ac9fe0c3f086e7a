# What the tutorials share. Sourced; `aws` is the AWS CLI, its settings are in the environment.

set -euo pipefail
export AWS_PAGER="" AWS_RETRY_MODE=standard

# Calls an API by its host name: call API METHOD PATH [curl arguments]; prints status and body.
call() {
    local api=$1 method=$2 path=$3
    shift 3
    curl --silent --show-error --max-time 20 --request "$method" "$@" \
        --header "Host: $api.execute-api.us-east-1.localhost" \
        --write-out '\n%{http_code}\n' "$GATEWAY_URL$path"
}

status() { call "$@" | tail -n 1; }

# same NAME A B: two texts must be equal.
same() {
    if [[ $2 != "$3" ]]; then
        echo "$1: got $2, not $3" >&2
        exit 1
    fi
}

# What a resource reads as, twice: nothing may differ from one reading to the next.
steady() {
    same "reading twice: $*" "$(aws apigatewayv2 "$@")" "$(aws apigatewayv2 "$@")"
}
