"""KEDA's protocol for external scalers, as messages: made at run time, so that any version of protobuf will do.

Names, numbers and types are those of `externalscaler.proto` of KEDA 2.19 (https://keda.sh/docs/latest/concepts/
external-scalers/). Of a value's two fields the whole number is the older one; a client takes the other where it is
above 0.
"""

from functools import cache
from typing import Any

PACKAGE = "externalscaler"
SERVICE = f"{PACKAGE}.ExternalScaler"
MESSAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "ScaledObjectRef": (("name", "string"), ("namespace", "string"), ("scalerMetadata", "map")),
    "IsActiveResponse": (("result", "bool"),),
    "GetMetricSpecResponse": (("metricSpecs", "MetricSpec*"),),
    "MetricSpec": (("metricName", "string"), ("targetSize", "int64"), ("targetSizeFloat", "double")),
    "GetMetricsRequest": (("scaledObjectRef", "ScaledObjectRef"), ("metricName", "string")),
    "GetMetricsResponse": (("metricValues", "MetricValue*"),),
    "MetricValue": (("metricName", "string"), ("metricValue", "int64"), ("metricValueFloat", "double")),
}
"""Fields by message, numbered from 1 in their order; a star: any number of them; a map is from text to text."""


@cache
def messages() -> dict[str, Any]:
    """Classes of all messages, by name."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="externalscaler.proto", package=PACKAGE, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, 1):
            _add(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


def _add(message: Any, name: str, number: int, kind: str) -> None:
    """Give a message under construction a field."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

    plain = {
        "string": Field.TYPE_STRING,
        "bool": Field.TYPE_BOOL,
        "int64": Field.TYPE_INT64,
        "double": Field.TYPE_DOUBLE,
    }
    field = message.field.add(name=name, number=number, label=Field.LABEL_OPTIONAL)
    if kind in plain:
        field.type = plain[kind]
        return
    field.type = Field.TYPE_MESSAGE
    if kind == "map":
        entry = message.nested_type.add(name=f"{name[0].upper()}{name[1:]}Entry")
        entry.options.map_entry = True
        for place, part in enumerate(("key", "value"), 1):
            _add(entry, part, place, "string")
        kind = f"{message.name}.{entry.name}*"
    field.type_name = f".{PACKAGE}.{kind.rstrip('*')}"
    if kind.endswith("*"):
        field.label = Field.LABEL_REPEATED
