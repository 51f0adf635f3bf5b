"""Rule files made at random."""

import json

from hypothesis import strategies as st

HOSTS = ["a.com", "b.com", "www.a.com", "*.com", "*.a.com", "?.com", "a*", "x.org", "*"]
hosts = st.lists(st.sampled_from(HOSTS), max_size=3)
level = st.fixed_dictionaries(
    {},
    optional={
        "sources": st.fixed_dictionaries(
            {},
            optional={
                "trusted": hosts,
                "untrusted": hosts,
                "unknown": st.sampled_from(["review", "refuse"]),
                "aliases": st.dictionaries(st.sampled_from(HOSTS[:3]), hosts, max_size=2),
            },
        ),
        "protect": st.fixed_dictionaries({}, optional={"headings": hosts, "must_keep": hosts}),
        "edit": st.fixed_dictionaries(
            {}, optional={"unseen": st.integers(0, 20), "max_bytes": st.integers(0, 9)}
        ),
        "apply": st.fixed_dictionaries(
            {},
            optional={
                "mode": st.sampled_from(["auto", "review"]),
                "min_confidence": st.floats(0, 1),
                "never_auto": st.lists(st.sampled_from(["insert", "delete"])),
            },
        ),
    },
)


def as_toml(tables):
    def value(one):
        if isinstance(one, dict):
            return "{" + ", ".join(f'"{key}" = {value(item)}' for key, item in one.items()) + "}"
        return json.dumps(one)

    return "".join(
        f"[{section}]\n" + "".join(f"{key} = {value(item)}\n" for key, item in table.items())
        for section, table in tables.items()
    )
