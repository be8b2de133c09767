"""Reads /metrics of the server in STUDIO_URL with prometheus_client and prints what an operator sees."""
import os
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def main():
    request = urllib.request.Request(os.environ["STUDIO_URL"] + "/metrics", headers={"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]})
    with urllib.request.urlopen(request, timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    assert len(families) > 30 and all(family.type in ("counter", "gauge", "histogram") and family.documentation for family in families)
    for family in families:
        print(f"{family.type:9} {family.name}: {len(family.samples)} samples")
    print("1 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    main()
