# "Controlling access to HTTP APIs with JWT authorizers": stored, and closed until it is enforced.

. "$(dirname "$0")/lib.sh"

api=$(aws apigatewayv2 create-api --name secured --protocol-type HTTP --target "$BACKEND_URL/" \
    --query ApiId --output text)
same "open at first" "$(status "$api" GET /)" 200
authorizer=$(aws apigatewayv2 create-authorizer --api-id "$api" --name tokens --authorizer-type JWT \
    --identity-source '$request.header.Authorization' \
    --jwt-configuration Audience=pets,Issuer=https://issuer.example.com/pool \
    --query AuthorizerId --output text)
route=$(aws apigatewayv2 get-routes --api-id "$api" --query 'Items[0].RouteId' --output text)
aws apigatewayv2 update-route --api-id "$api" --route-id "$route" --authorization-type JWT \
    --authorizer-id "$authorizer" --authorization-scopes read write >/dev/null
answer=$(status "$api" GET /)
if [[ $answer == 200 ]]; then
    echo "a route with an authorizer is open" >&2
    exit 1
fi
steady get-authorizer --api-id "$api" --authorizer-id "$authorizer"
steady get-route --api-id "$api" --route-id "$route"
if aws apigatewayv2 delete-authorizer --api-id "$api" --authorizer-id "$authorizer" 2>/dev/null; then
    echo "an authorizer in use was deleted" >&2
    exit 1
fi
aws apigatewayv2 update-route --api-id "$api" --route-id "$route" --authorization-type NONE >/dev/null
aws apigatewayv2 delete-authorizer --api-id "$api" --authorizer-id "$authorizer"
same "open again" "$(status "$api" GET /)" 200
aws apigatewayv2 delete-api --api-id "$api"
