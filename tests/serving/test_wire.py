"""Messages that are made at run time are those that protoc makes of the tests' own file, byte for byte."""

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from mamo_cli.serving.wire import MESSAGES, SERVICE, messages
from tests.serving.running import client

TEXT = st.text(max_size=8)
WHOLE = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False)
VALUES = st.fixed_dictionaries({"metricName": TEXT, "metricValue": WHOLE, "metricValueFloat": NUMBER})
SPECS = st.fixed_dictionaries({"metricName": TEXT, "targetSize": WHOLE, "targetSizeFloat": NUMBER})
REFERENCES = st.fixed_dictionaries(
    {"name": TEXT, "namespace": TEXT, "scalerMetadata": st.dictionaries(TEXT, TEXT, max_size=1)}
)
CONTENTS = {
    "ScaledObjectRef": REFERENCES,
    "IsActiveResponse": st.fixed_dictionaries({"result": st.booleans()}),
    "GetMetricSpecResponse": st.fixed_dictionaries({"metricSpecs": st.lists(SPECS, max_size=2)}),
    "MetricSpec": SPECS,
    "GetMetricsRequest": st.fixed_dictionaries({"scaledObjectRef": REFERENCES, "metricName": TEXT}),
    "GetMetricsResponse": st.fixed_dictionaries({"metricValues": st.lists(VALUES, max_size=2)}),
    "MetricValue": VALUES,
}


@pytest.mark.parametrize("name", MESSAGES)
@given(st.data())
def test_a_message_has_the_same_bytes(name, data):
    content = data.draw(CONTENTS[name])
    ours, theirs = messages()[name](**content), getattr(client()[0], name)(**content)
    assert ours.SerializeToString() == theirs.SerializeToString()
    assert messages()[name].FromString(theirs.SerializeToString()) == ours


def test_all_messages_and_the_service_are_there():
    made = client()[0].DESCRIPTOR
    assert set(made.message_types_by_name.keys()) == MESSAGES.keys() == messages().keys()
    assert [service.full_name for service in made.services_by_name.values()] == [SERVICE]
    for name, message in messages().items():
        ours, theirs = descriptor_pb2.DescriptorProto(), descriptor_pb2.DescriptorProto()
        message.DESCRIPTOR.CopyToProto(ours)
        made.message_types_by_name[name].CopyToProto(theirs)
        for field in theirs.field:
            field.ClearField("json_name")
        for field in ours.field:
            field.ClearField("json_name")
        assert ours == theirs
