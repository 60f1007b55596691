"""Prints what AWS SAM makes of the template that is read from stdin, as JSON. Arguments are parameters, as NAME=VALUE."""

import json
import sys

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# Through JSON, so that an unquoted date becomes the text it stands for.
template = json.loads(json.dumps(yaml_parse(sys.stdin.read()), default=str))
# `sam package` puts the archives there. A local folder is refused.
template["Globals"]["Function"]["CodeUri"] = {"Bucket": "archives", "Key": "archive"}
parameters = dict(argument.split("=", 1) for argument in sys.argv[1:])
print(json.dumps(Translator({}, Parser()).translate(template, parameters)))
