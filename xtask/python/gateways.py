"""The gateway responses of the template, in the emulator: it drops them when it imports an API."""

import json


def answer_themselves(apigateway, cloudformation, stack):
    """Sets the responses of all APIs of a stack. Returns the logical id, the id and the stage of each."""
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    physical = lambda kind: {
        r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources if r["ResourceType"] == kind
    }
    # All stages have the one name that the template gives them.
    apis, stages = physical("AWS::ApiGateway::RestApi"), set(physical("AWS::ApiGateway::Stage").values())
    processed = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    if isinstance(processed, str):
        processed = json.loads(processed)
    served = [(logical_id, api, stage) for stage in stages for logical_id, api in apis.items()]
    for logical_id, api, stage in served:
        body = processed["Resources"][logical_id]["Properties"].get("Body", {})
        answer_itself(apigateway, api, stage, body.get("x-amazon-apigateway-gateway-responses", {}))
    return served


def answer_itself(apigateway, api, stage, answers):
    for kind, answer in answers.items():
        status = {"statusCode": str(answer["statusCode"])} if "statusCode" in answer else {}
        apigateway.put_gateway_response(
            restApiId=api,
            responseType=kind,
            responseParameters=answer.get("responseParameters", {}),
            responseTemplates=answer.get("responseTemplates", {}),
            **status,
        )
    if answers:
        apigateway.create_deployment(restApiId=api, stageName=stage)
