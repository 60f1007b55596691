"""Reads the mails that mail_server.py keeps, and the text messages that emulator.py keeps."""

import email
import email.policy
import json
import os

import tooling


def main(request):
    folder = request["folder"]
    names = sorted(name for name in os.listdir(folder) if name.endswith((".eml", ".sms")) and name[0] != ".") if os.path.isdir(folder) else []
    return [read_text(folder, name) if name.endswith(".sms") else read(folder, name) for name in names]


def read_text(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        message = json.load(file)
    return {
        "id": name.removesuffix(".sms"),
        "at": int(name.partition("-")[0]) // 10**9,
        "to": [message["to"]],
        "type": "sms",
        "parts": [],
        "headers": {"To": message["to"], "Subject": "text message"},
        "text": message["text"],
        "html": None,
        "defects": [],
    }


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    return {
        "id": name.removesuffix(".eml"),
        "at": int(name.partition("-")[0]) // 10**9,
        "to": mail.get_all("Delivered-To", []),
        "type": mail.get_content_type(),
        "parts": [part.get_content_type() for part in mail.iter_parts()],
        "headers": {key: str(value) for key, value in mail.items()},
        "text": content(mail, "plain"),
        "html": content(mail, "html"),
        # What the parser found wrong with it, of the whole mail and of its parts.
        "defects": [str(defect) for part in mail.walk() for defect in part.defects]
        + [str(defect) for value in mail.values() for defect in getattr(value, "defects", [])],
    }


def content(mail, kind):
    part = mail.get_body((kind,))
    return part.get_content() if part is not None else None


if __name__ == "__main__":
    tooling.run(main)
