"""Manifests as customers write them."""

ADDRESS = {
    "name": "Jane Roe",
    "company": "Example Corp",
    "street1": "123 Any Street",
    "city": "Anytown",
    "stateOrProvince": "WA",
    "postalCode": "91111",
    "phoneNumber": "206-555-1000",
    "country": "USA",
}


def scalar(value):
    """A scalar as YAML: booleans in the service's own words, texts in double quotes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def lines(mapping, indent=0):
    """A mapping in block style."""
    blank = "  " * indent
    for name, value in mapping.items():
        if isinstance(value, dict):
            yield f"{blank}{name}:"
            yield from lines(value, indent + 1)
        elif isinstance(value, list):
            yield f"{blank}{name}:"
            for item in value:
                text = "\n".join(lines(item, indent + 2)) if isinstance(item, dict) else scalar(item)
                yield f"{blank}  - {text.strip()}"
        elif value is not None:
            yield f"{blank}{name}: {scalar(value)}"


def options(bucket, **changed):
    """The options of a minimal S3 import; `None` leaves one out."""
    return {
        "manifestVersion": 2.0,
        "generator": "end-to-end tests",
        "bucket": bucket,
        "deviceId": "3QD0T87T",
        "eraseDevice": False,
        "notificationEmail": "jane@example.com",
        "returnAddress": ADDRESS,
        **changed,
    }


def manifest(bucket, **changed):
    """The text of an S3 import manifest."""
    return "\n".join(lines(options(bucket, **changed))) + "\n"
