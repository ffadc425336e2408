"""Names: every table has a delivery stream of its own, with a name that Firehose takes."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuous_backup import naming
from continuous_backup.naming import Account, delivery_stream_name

ACCOUNT = Account("123456789012", "eu-west-1")
LETTERS = string.ascii_letters + string.digits + "_.-"

names = st.text(LETTERS, min_size=3, max_size=255)
digests = st.text("0123456789abcdef", min_size=16, max_size=16)
modes = st.booleans()
tables_and_modes = st.tuples(names, modes)

beginnings = st.text(LETTERS, min_size=1, max_size=50)
looking_made = st.builds(lambda start, digest: f"{start}-{digest}", beginnings, digests)
looking_made_exactly = st.builds(
    lambda start, digest: f"{start}-{digest}", st.sampled_from([44, 47]).map(lambda n: "t" * n), digests
)
ending_in_gz = st.builds(lambda start, times: start + ".gz" * times, beginnings, st.integers(1, 3))
awkward = st.one_of(names, looking_made, looking_made_exactly, ending_in_gz)


@st.composite
def families(draw):
    """Names that were made to be mistaken for each other."""
    shared = draw(st.sampled_from(["", "t" * 44, "t" * 47, "t" * 61, "t" * 64]))
    family = {draw(awkward), *(shared + end for end in draw(st.lists(awkward, min_size=1, max_size=3)))}
    for _ in range(draw(st.integers(1, 4))):
        member = draw(st.sampled_from(sorted(family)))
        own = delivery_stream_name(member, compressed_by_forwarder=draw(modes))
        family |= {own, own.removesuffix(".gz"), own + ".gz"}
    return sorted(name for name in family if re.fullmatch(r"[a-zA-Z0-9_.-]{3,255}", name))


@given(st.one_of(names, awkward), modes)
def test_delivery_stream_name_of_any_table_is_one_that_firehose_takes(table, compressed):
    name = delivery_stream_name(table, compressed_by_forwarder=compressed)

    assert re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name)


@given(families())
def test_delivery_stream_names_of_names_made_to_collide_never_do(family):
    owners = {}
    for table in family:
        for compressed in (False, True):
            name = delivery_stream_name(table, compressed_by_forwarder=compressed)
            assert owners.setdefault(name, (table, compressed)) == (table, compressed)


@given(tables_and_modes, tables_and_modes)
def test_delivery_stream_names_of_any_two_tables_differ(one, other):
    by_name = [delivery_stream_name(table, compressed_by_forwarder=mode) for table, mode in (one, other)]

    assert (by_name[0] == by_name[1]) == (one == other)


@given(st.text(LETTERS, min_size=3, max_size=61), modes)
def test_delivery_stream_name_of_an_ordinary_table_is_its_own(table, compressed):
    ordinary = table.removesuffix(".gz")
    if re.search(r"-[0-9a-f]{16}$", ordinary) or ordinary.endswith(".gz"):
        return

    name = delivery_stream_name(ordinary, compressed_by_forwarder=compressed)

    assert name == ordinary + (".gz" if compressed else "")


@given(names, modes)
def test_delivery_stream_name_says_by_its_end_who_compresses(table, compressed):
    assert delivery_stream_name(table, compressed_by_forwarder=compressed).endswith(".gz") == compressed


@given(st.text(LETTERS, min_size=47, max_size=47), st.sets(st.text(LETTERS, min_size=1, max_size=208), min_size=2))
def test_delivery_stream_names_of_long_tables_with_the_same_beginning_differ(beginning, ends):
    made = {delivery_stream_name(beginning + end) for end in ends}

    assert len(made) == len(ends)


@pytest.mark.parametrize(
    ("table", "compressed", "name"),
    [
        ("Orders", False, "Orders"),
        ("Orders", True, "Orders.gz"),
        ("t" * 64, False, "t" * 64),
        ("t" * 61, True, "t" * 61 + ".gz"),
        ("t" * 65, False, "t" * 47 + "-e8fda0eef591d1ab"),
        ("t" * 62, True, "t" * 44 + "-be046e3775322507.gz"),
        ("orders-0123456789abcdef", False, "orders-0123456789abcdef"),
    ],
)
def test_delivery_stream_name_stays_what_it_was_in_earlier_versions(table, compressed, name):
    assert delivery_stream_name(table, compressed_by_forwarder=compressed) == name


def test_delivery_stream_name_of_a_table_that_ends_in_gz_is_no_other_tables():
    made = delivery_stream_name("Orders.gz")
    again = delivery_stream_name(made)

    assert len({"Orders.gz", made, again, delivery_stream_name(again)}) == 4


@given(names, st.sampled_from(["dynamodb", "a/b", "/a/b/", ""]))
def test_prefixes_of_any_table_hold_its_whole_name(table, prefix):
    path = naming.table_prefix(prefix, table)

    assert path.endswith(f"/{table}/") or path == f"{table}/"
    assert not path.startswith("/")
    assert naming.errors_prefix(prefix, table) == path + "_errors/!{firehose:error-output-type}/"


@given(names, names)
def test_prefixes_of_two_tables_are_never_one_inside_the_other(one, other):
    paths = naming.table_prefix("dynamodb", one), naming.table_prefix("dynamodb", other)

    assert paths[0].startswith(paths[1]) == (one == other)


@given(names)
def test_table_of_its_arn_its_streams_arn_and_its_plain_name_is_the_table(table):
    arn = ACCOUNT.table_arn(table)

    assert naming.table_of_arn(arn) == table
    assert naming.table_of_arn(f"{arn}/stream/2026-11-22T08:00:00.000") == table
    assert naming.table_of_arn(f"{arn}/index/by-date") == table
    assert naming.table_of_arn(table) == table


@pytest.mark.parametrize(
    "arn", ["arn:aws:dynamodb::123456789012:global-table/Orders", "arn:aws:s3:::table", "arn:"]
)
def test_table_of_another_arn_is_none(arn):
    assert naming.table_of_arn(arn) == ""


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_account_of_an_arn_is_the_one_that_made_it(partition):
    account = Account("123456789012", "eu-west-1", partition)

    assert naming.account_of_arn(account.function_arn("EnsureDynamoBackup")) == account


@pytest.mark.parametrize(
    ("made", "arn"),
    [
        (ACCOUNT.role_arn("r"), "arn:aws:iam::123456789012:role/r"),
        (ACCOUNT.bucket_arn("b"), "arn:aws:s3:::b"),
        (ACCOUNT.function_arn("f"), "arn:aws:lambda:eu-west-1:123456789012:function:f"),
        (ACCOUNT.rule_arn("r"), "arn:aws:events:eu-west-1:123456789012:rule/r"),
        (ACCOUNT.delivery_stream_arn("d"), "arn:aws:firehose:eu-west-1:123456789012:deliverystream/d"),
    ],
)
def test_account_makes_the_arns_that_aws_uses(made, arn):
    assert made == arn
