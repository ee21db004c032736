"""There and back: an exported image, imported into an empty bucket, gives the same objects."""

from demo_export import story


def test_keys_bytes_types_and_metadata_come_back(server, place):
    before, after = story(server, place)
    assert set(after) == set(before)
    for key, object in before.items():
        assert after[key] == object, key
