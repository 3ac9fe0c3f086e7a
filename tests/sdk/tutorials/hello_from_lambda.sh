# "Hello from Lambda": the function is in the API file of the node, quick create puts an API before it.

. "$(dirname "$0")/lib.sh"

api=$(aws apigatewayv2 create-api --name hello --protocol-type HTTP \
    --target arn:aws:lambda:us-east-1:000000000000:function:hello --query ApiId --output text)
same "the function answers" "$(call "$api" GET '/?name=Ada' | head -n 1)" '"Hello from Lambda, Ada!"'
route=$(aws apigatewayv2 get-routes --api-id "$api" --query 'Items[0].[RouteKey,ApiGatewayManaged]' --output text)
same "the route is quick create's" "$route" $'$default\tTrue'
stage=$(aws apigatewayv2 get-stages --api-id "$api" --query 'Items[0].[StageName,AutoDeploy]' --output text)
same "so is the stage" "$stage" $'$default\tTrue'
steady get-stages --api-id "$api"
aws apigatewayv2 delete-api --api-id "$api"
