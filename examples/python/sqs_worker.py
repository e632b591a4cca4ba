"""Unseal the messages of an SQS queue, and do what is right with those that do not open.

    python sqs_worker.py QUEUE_URL DEAD_LETTER_QUEUE_URL alias/example-rsa-key

Each body is a sealed message in base64. What it holds is printed. What cannot be unsealed now stays
in the queue, and what never can goes to the dead-letter queue. The KMS is asked once for each data
key, not for each message. Region and credentials come from where boto3 finds them; needs
sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility on the one queue,
sqs:SendMessage on the other, and kms:GetPublicKey and kms:Decrypt on the KMS keys.

Give the queue no redrive policy, or one with a generous maxReceiveCount: SQS counts what came back
because the KMS was down as well, and would take good messages for dead ones.
"""

import argparse
import base64
import binascii
import sys
from typing import TYPE_CHECKING

import boto3

import libseal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LONGEST_WAIT = 900


class Worker:
    def __init__(self, sqs: "SQSClient", queue: str, dead: str, unwrap: libseal.Unwrap) -> None:
        self.sqs, self.queue, self.dead, self.unwrap = sqs, queue, dead, unwrap

    def work(self) -> bool:
        """Takes up to ten messages from the queue; says whether there were any."""
        response = self.sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages = response.get("Messages", [])
        for message in messages:
            self.handle(message)
        return bool(messages)

    def handle(self, message: "MessageTypeDef") -> None:
        try:
            plaintext = libseal.unseal(
                base64.b64decode(message["Body"].encode(), validate=True), self.unwrap
            )
        except Exception as error:
            if isinstance(error, binascii.Error) or getattr(error, "never_opens", False):
                # Altered, forged, or sealed for another key: it will be so next time, too.
                print(f"dead: {error}", file=sys.stderr)
                self.sqs.send_message(QueueUrl=self.dead, MessageBody=message["Body"])
                self.delete(message)
            elif getattr(error, "retryable", False):
                # The KMS is out of reach or throttles. Waiting longer each time helps it.
                received = int(message["Attributes"]["ApproximateReceiveCount"])
                self.retry_in(min(10 * 2**received, LONGEST_WAIT), message)
            else:
                # Permissions, keys or this machine are at fault, and not the message.
                print(f"ALARM: {error}", file=sys.stderr)
                self.retry_in(LONGEST_WAIT, message)
        else:
            print(plaintext.decode(errors="replace"))
            self.delete(message)

    def retry_in(self, seconds: int, message: "MessageTypeDef") -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def delete(self, message: "MessageTypeDef") -> None:
        self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("queue", help="URL of the queue")
    parser.add_argument("dead", help="URL of the queue for what will never open")
    parser.add_argument("keys", nargs="+", metavar="KEY", help="KMS keys that may be used")
    parser.add_argument("--drain", action="store_true", help="end when the queue is empty")
    args = parser.parse_args()

    unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=args.keys)
    cached = libseal.CachingUnwrapper(unwrap, max_age=300)
    worker = Worker(boto3.client("sqs"), args.queue, args.dead, cached)
    while worker.work() or not args.drain:
        pass


if __name__ == "__main__":
    main()
