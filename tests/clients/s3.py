"""An S3 server (moto) as a process of its own, and what a bucket holds."""

import sys

import boto3
from botocore.exceptions import BotoCoreError

from process import Process, free_port

# moto asks for a key and checks nothing.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
}


class S3Server:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = Process(command, self.folder / "moto.txt", {**ENVIRONMENT, "MOTO_S3_DEFAULT_MAX_KEYS": "1000"})
        self.process.wait_ready(self.answers, "moto answers")
        return self

    def answers(self):
        try:
            return self.client().list_buckets() is not None
        except BotoCoreError:
            return False

    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=ENVIRONMENT["AWS_REGION"],
            aws_access_key_id=ENVIRONMENT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        )

    def make_bucket(self, name):
        self.client().create_bucket(Bucket=name)
        return Bucket(self, name)

    def end(self):
        self.process.kill()


class Bucket:
    """A bucket, a prefix in it, and how Peristyle is told about them."""

    prefix = "warehouse"

    def __init__(self, server, name):
        self.server = server
        self.name = name

    def options(self):
        """Keywords for `make_server`."""
        env = {**ENVIRONMENT, "AWS_ENDPOINT_URL": self.server.endpoint, "AWS_ENDPOINT": self.server.endpoint}
        return {"store": f"s3://{self.name}/{self.prefix}", "env": env}

    def objects(self):
        """Names of all objects below the prefix, the prefix cut off."""
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=self.name)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        outside = [key for key in keys if not key.startswith(self.prefix + "/")]
        assert not outside, f"objects outside the prefix: {outside}"
        return {key.removeprefix(self.prefix + "/") for key in keys}
