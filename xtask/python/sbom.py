"""Writes bills of materials as CycloneDX 1.6 and checks each against the format's schema.

xtask/src/sbom.rs asks cargo for their packages.
"""

import functools
import json

from cyclonedx.builder.this import this_component
from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

import tooling
from tooling import Failure


def main(request):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    return [document(bill, validator) for bill in request["bills"]]


def document(bill, validator):
    components = {f"{package['name']}@{package['version']}": component(package) for package in bill["packages"]}
    bom = Bom()
    root = components.pop(bill["root"])
    root.type = ComponentType.APPLICATION
    bom.metadata.component = root
    bom.metadata.tools.components.add(this_component())
    # Of what will be linked, before it is.
    bom.metadata.lifecycles.add(PredefinedLifecycle(LifecyclePhase.PRE_BUILD))
    for name, value in bill["about"].items():
        if value:
            bom.metadata.properties.add(Property(name=f"build:{name}", value=value))
    for one in components.values():
        bom.components.add(one)
    everyone = components | {bill["root"]: root}
    below = {identity: [] for identity in everyone}
    for parent, child in bill["edges"]:
        below[parent].append(everyone[child])
    for identity, children in below.items():
        bom.register_dependency(everyone[identity], children)
    text = JsonV1Dot6(bom).output_as_string()
    fault = validator.validate_str(text)
    if fault is not None:
        raise Failure(
            f"the document of {bill['root']} is not CycloneDX 1.6: {fault.data}",
            "adapt xtask/python/sbom.py to the installed version of cyclonedx-python-lib",
        )
    return json.loads(text)


def component(package):
    name, version = package["name"], package["version"]
    made = Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"{name}@{version}",
        scope=ComponentScope.REQUIRED if package["linked"] else ComponentScope.EXCLUDED,
    )
    if package["license"]:
        made.licenses.add(license_of(package["license"]))
    if package["sha256"]:
        # Only what comes from the registry is known to the world by this name.
        made.purl = PackageURL(type="cargo", name=name, version=version)
        made.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=package["sha256"]))
    if package["repository"]:
        made.external_references.add(
            ExternalReference(type=ExternalReferenceType.VCS, url=XsUri(package["repository"]))
        )
    return made


@functools.cache  # a few texts, which take the better part of the time to read
def license_of(text):
    return LicenseFactory().make_from_string(
        text.replace("/", " OR "),  # in old manifests the slash means "or"
        license_acknowledgement=LicenseAcknowledgement.DECLARED,
    )


tooling.run(main)
