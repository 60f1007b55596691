"""The bucket with what is deployed: archives, templates and releases."""

from botocore.exceptions import ClientError

from tooling import Failure, say


def found(client, name):
    """The bucket's name, and whether it is there. `name` is the one of samconfig.toml, if it has one.

    Anybody can guess our own name for it, and make the bucket first. Then its owner could change what is deployed.
    """
    s3, owner = client("s3"), {}
    if not name:
        account = client("sts").get_caller_identity()["Account"]
        name, owner = f"releases-{account}-{s3.meta.region_name}", {"ExpectedBucketOwner": account}
    try:
        s3.head_bucket(Bucket=name, **owner)
    except ClientError as error:
        match error.response["Error"]["Code"]:
            case "404" | "NoSuchBucket":
                return name, False
            case "403" | "AccessDenied":
                raise Failure(
                    f"the bucket {name} belongs to another account, or this login may not list it",
                    "set s3_bucket in samconfig.toml to a bucket of this account, or give the login s3:ListBucket",
                ) from error
        raise
    return name, True


def ready(client, name):
    """The name of the bucket, which is made if it is not there."""
    name, is_there = found(client, name)
    if is_there:
        return name
    say(step=f"making the bucket {name}")
    s3 = client("s3")
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **where)
    nothing = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(nothing, True))
    return name
