# An HTTP API in front of a web service, as in "Create an HTTP API by using the AWS CLI".

. "$(dirname "$0")/lib.sh"

api=$(aws apigatewayv2 create-api --name proxy --protocol-type HTTP \
    --target "$BACKEND_URL/" --query ApiId --output text)
same "quick create serves at once" "$(status "$api" GET /)" 200

integration=$(aws apigatewayv2 create-integration --api-id "$api" --integration-type HTTP_PROXY \
    --integration-method ANY --integration-uri "$BACKEND_URL/{proxy}" \
    --payload-format-version 1.0 --query IntegrationId --output text)
aws apigatewayv2 create-route --api-id "$api" --route-key 'GET /pets/{proxy+}' \
    --target "integrations/$integration" >/dev/null
same "the route is live" "$(status "$api" GET /pets/dogs)" 200

# Request and response parameters.
aws apigatewayv2 update-integration --api-id "$api" --integration-id "$integration" \
    --request-parameters 'append:header.x-added=$request.path' \
    --response-parameters '{"200": {"overwrite:statuscode": "202"}}' >/dev/null
same "the response is mapped" "$(status "$api" GET /pets/dogs)" 202

# CORS, set and taken away.
aws apigatewayv2 update-api --api-id "$api" \
    --cors-configuration AllowOrigins=https://one.example.com,AllowMethods=GET >/dev/null
same "a preflight is answered" \
    "$(status "$api" OPTIONS /pets/dogs --header 'Origin: https://one.example.com' \
        --header 'Access-Control-Request-Method: GET')" 204
aws apigatewayv2 delete-cors-configuration --api-id "$api"

steady get-api --api-id "$api"
steady get-routes --api-id "$api"
steady get-integrations --api-id "$api"
steady get-stages --api-id "$api"
aws apigatewayv2 delete-api --api-id "$api"
same "it is gone" "$(status "$api" GET /)" 404
