# "Tutorial: Create a WebSocket chat app": the API with its routes and stage.

. "$(dirname "$0")/lib.sh"

api=$(aws apigatewayv2 create-api --name chat --protocol-type WEBSOCKET \
    --route-selection-expression '$request.body.action' --query ApiId --output text)
integration=$(aws apigatewayv2 create-integration --api-id "$api" --integration-type MOCK \
    --request-templates '{"200": "{\"statusCode\": 200}"}' \
    --template-selection-expression 200 --query IntegrationId --output text)
aws apigatewayv2 create-integration-response --api-id "$api" --integration-id "$integration" \
    --integration-response-key '$default' >/dev/null
for key in '$connect' '$disconnect' '$default' sendmessage; do
    route=$(aws apigatewayv2 create-route --api-id "$api" --route-key "$key" \
        --target "integrations/$integration" --query RouteId --output text)
done
aws apigatewayv2 update-route --api-id "$api" --route-id "$route" \
    --route-response-selection-expression '$default' >/dev/null
aws apigatewayv2 create-route-response --api-id "$api" --route-id "$route" \
    --route-response-key '$default' >/dev/null
aws apigatewayv2 create-deployment --api-id "$api" >/dev/null
deployment=$(aws apigatewayv2 get-deployments --api-id "$api" --query 'Items[0].DeploymentId' --output text)
aws apigatewayv2 create-stage --api-id "$api" --stage-name production \
    --deployment-id "$deployment" >/dev/null
same "four routes" "$(aws apigatewayv2 get-routes --api-id "$api" --query 'length(Items)')" 4
steady get-routes --api-id "$api"
steady get-route-responses --api-id "$api" --route-id "$route"
steady get-integration-responses --api-id "$api" --integration-id "$integration"
steady get-stage --api-id "$api" --stage-name production

# Nobody is connected, and that is what the stage's own address says.
if said=$(aws apigatewaymanagementapi get-connection --connection-id 'L0SM9cOFvHcCIhw=' \
    --endpoint-url "$GATEWAY_URL/_aws/execute-api/$api/production" 2>&1); then
    echo "a connection that nobody opened: $said" >&2
    exit 1
fi
[[ $said == *GoneException* ]] || { echo "$said" >&2; exit 1; }
aws apigatewayv2 delete-api --api-id "$api"
