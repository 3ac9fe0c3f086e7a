# A custom domain name with mappings; a canary that moves a path from one stage to another; tags.

. "$(dirname "$0")/lib.sh"

api=$(aws apigatewayv2 create-api --name shop --protocol-type HTTP --target "$BACKEND_URL/" \
    --tags team=blue --query ApiId --output text)
stable=$(aws apigatewayv2 create-deployment --api-id "$api" --query DeploymentId --output text)
for stage in stable canary; do
    aws apigatewayv2 create-stage --api-id "$api" --stage-name "$stage" \
        --deployment-id "$stable" --stage-variables "kind=$stage" >/dev/null
done
aws apigatewayv2 create-domain-name --domain-name shop.example.com \
    --domain-name-configurations CertificateArn=arn:aws:acm:us-east-1:000000000000:certificate/fixed >/dev/null
mapping=$(aws apigatewayv2 create-api-mapping --domain-name shop.example.com --api-id "$api" \
    --stage stable --query ApiMappingId --output text)
through() {
    curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' \
        --header 'Host: shop.example.com' "$GATEWAY_URL$1"
}
same "the domain leads to the API" "$(through /)" 200
aws apigatewayv2 update-api-mapping --domain-name shop.example.com --api-id "$api" \
    --api-mapping-id "$mapping" --stage canary >/dev/null
same "and to its canary" "$(through /)" 200
same "which it says" "$(aws apigatewayv2 get-api-mapping --domain-name shop.example.com \
    --api-mapping-id "$mapping" --query Stage --output text)" canary
aws apigatewayv2 create-api-mapping --domain-name shop.example.com --api-id "$api" \
    --stage stable --api-mapping-key v1 >/dev/null
same "two mappings" "$(aws apigatewayv2 get-api-mappings --domain-name shop.example.com \
    --query 'length(Items)')" 2
steady get-domain-name --domain-name shop.example.com
steady get-api-mappings --domain-name shop.example.com

arn="arn:aws:apigateway:us-east-1::/apis/$api"
aws apigatewayv2 tag-resource --resource-arn "$arn" --tags '{"owner": "ana", "cost center": "42"}'
same "three tags" "$(aws apigatewayv2 get-tags --resource-arn "$arn" --query 'length(keys(Tags))')" 3
aws apigatewayv2 untag-resource --resource-arn "$arn" --tag-keys owner 'cost center'
same "one is left" "$(aws apigatewayv2 get-tags --resource-arn "$arn" --query Tags --output text)" blue

aws apigatewayv2 delete-domain-name --domain-name shop.example.com
same "nobody answers to the name" "$(through /)" 404
aws apigatewayv2 delete-api --api-id "$api"
