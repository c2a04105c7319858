import difflib


def assert_same_lines(outside, inside, limit=60):
    """Two outputs, which must be equal line by line."""
    if outside == inside:
        return
    lines = list(difflib.unified_diff(outside.splitlines(), inside.splitlines(), "outside", "inside", lineterm="", n=1))
    raise AssertionError("inside and outside differ:\n" + "\n".join(lines[:limit]) +
                         ("\n..." if len(lines) > limit else ""))
