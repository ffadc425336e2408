"""Which keys come from environment variables, and how a person is told."""

from continuous_backup.configuration.from_environment import beside, in_words, variables


def test_variables_are_those_of_keys_that_the_file_leaves_out():
    environment = {"logFormat": "Text", "region": "us-east-1", "WRITABLE_EVENT_TYPES": "INSERT", "PATH": "/bin"}

    assert variables({"region": "eu-west-1"}, environment) == {
        "WRITABLE_EVENT_TYPES": "INSERT",
        "logFormat": "Text",
    }


def test_variables_that_are_empty_are_not_set():
    assert variables({}, {"logFormat": ""}) == {}


def test_variables_beside_a_file_are_those_that_it_leaves_out(tmp_path):
    file = tmp_path / "mine.hjson"
    file.write_text("\ufeff{\n  region: eu-west-1\n}\n", encoding="utf-8")

    assert beside(file, {"region": "us-east-1", "metrics": "none"}) == {"metrics": "none"}


def test_variables_in_words_are_on_one_line_and_not_longer_than_can_be_read():
    found = {"metrics": "none", "deliveryStreams": '{\n  "Orders": "mine"\n' + "#" * 1000 + "}"}

    assert in_words(found) == f'metrics=none, deliveryStreams={{ "Orders": "mine" {"#" * 41}...'
