"""How well skillloop.text.redact tells credentials from what only looks like one.

    python tests/bench/redaction.py            # recall on 62 types x 4 contexts, false alarms on 390 look-alikes, speed
    python tests/bench/redaction.py --misses   # and each text it got wrong

Every value is drawn at run time from the shape that its provider documents, so this file holds nothing that looks
like a live credential. The two sets are also the test's: `positives()` and `lookalikes()`.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import re
import string
import sys
import time
import uuid
from typing import TYPE_CHECKING

from skillloop.text.redact import redact, secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEX, _LOWER, _UPPER = (
    "0123456789abcdef",
    string.ascii_lowercase + string.digits,
    string.ascii_uppercase + string.digits,
)
_B62 = string.ascii_letters + string.digits
_ALPHABETS = {
    "hex": _HEX, "HEX": _HEX.upper(), "low": _LOWER, "up": _UPPER, "b62": _B62, "dig": string.digits,
    "b64": _B62 + "+/", "url": _B62 + "-_", "abc": string.ascii_letters,
}  # fmt: skip

# Type: (what a person calls it, its shape). {b62:36} is 36 characters of that alphabet.
TYPES = {
    "anthropic": ("Anthropic key", "sk-ant-" + "api03-{url:93}AA"),
    "openai": ("OpenAI key", "sk-" + "proj-{b62:48}T3BlbkFJ{b62:48}"),
    "openai-old": ("OpenAI key", "sk-" + "{b62:20}T3BlbkFJ{b62:20}"),
    "github-pat": ("GitHub token", "ghp_" + "{b62:36}"),
    "github-fine": ("GitHub token", "github_" + "pat_{b62:22}_{b62:59}"),
    "github-app": ("GitHub app token", "ghs_" + "{b62:36}"),
    "gitlab": ("GitLab token", "glpat-" + "{url:20}"),
    "bitbucket": ("Bitbucket app password", "ATBB" + "{b62:32}"),
    "atlassian": ("Jira token", "ATATT3" + "xFfGF0{url:170}"),
    "slack-bot": ("Slack token", "xoxb-" + "{dig:12}-{dig:13}-{b62:24}"),
    "slack-app": ("Slack app token", "xapp-" + "1-A{up:10}-{dig:13}-{hex:64}"),
    "slack-hook": ("Slack webhook", "https://hooks.slack" + ".com/services/T{up:10}/B{up:10}/{b62:24}"),
    "discord": ("Discord bot token", "MT" + "{b62:24}.G{b62:5}.{url:38}"),
    "discord-hook": ("Discord webhook", "https://discord" + ".com/api/webhooks/{dig:18}/{url:68}"),
    "telegram": ("Telegram bot token", "{dig:10}:" + "AA{url:33}"),
    "aws-id": ("AWS access key", "AKIA" + "{up:16}"),
    "aws-secret": ("AWS secret access key", "{b64:40}"),
    "google": ("Google API key", "AIza" + "{url:35}"),
    "google-client": ("Google client secret", "GOCSPX-" + "{url:28}"),
    "google-access": ("Google access token", "ya29" + ".a0{url:130}"),
    "azure-storage": ("Azure storage account key", "{b64:86}=="),
    "azure-client": ("Azure client secret", "{b62:3}8" + "Q~{url:34}"),
    "azure-sas": ("Azure SAS url", "https://acme.blob.core.windows.net/c?sv=2024-11-04&sp=r&sig={b62:43}%3D"),
    "digitalocean": ("DigitalOcean token", "dop_" + "v1_{hex:64}"),
    "heroku": ("Heroku API key", "{uuid}"),
    "cloudflare": ("Cloudflare API token", "{url:40}"),
    "npm": ("npm token", "npm_" + "{b62:36}"),
    "pypi": ("PyPI token", "pypi-" + "AgEIcHlwaS5vcmc{url:120}"),
    "rubygems": ("RubyGems key", "rubygems_" + "{hex:48}"),
    "docker": ("Docker Hub token", "dckr_" + "pat_{url:27}"),
    "stripe": ("Stripe secret key", "sk_" + "live_{b62:24}"),
    "stripe-hook": ("Stripe webhook secret", "whsec_" + "{b62:32}"),
    "square": ("Square access token", "sq0" + "atp-{url:22}"),
    "braintree": ("Braintree access token", "access_token" + "$production${low:16}${hex:32}"),
    "shopify": ("Shopify token", "shpat_" + "{hex:32}"),
    "twilio": ("Twilio API key", "SK" + "{hex:32}"),
    "sendgrid": ("SendGrid key", "SG" + ".{url:22}.{url:43}"),
    "mailgun": ("Mailgun key", "key-" + "{hex:32}"),
    "mailchimp": ("Mailchimp key", "{hex:32}" + "-us14"),
    "vault": ("Vault token", "hvs" + ".{url:92}"),
    "terraform": ("Terraform token", "{b62:14}" + ".atlasv1.{url:65}"),
    "databricks": ("Databricks token", "dapi" + "{hex:32}"),
    "huggingface": ("Hugging Face token", "hf_" + "{abc:34}"),
    "replicate": ("Replicate token", "r8_" + "{b62:37}"),
    "datadog": ("Datadog API key", "{hex:32}"),
    "newrelic": ("New Relic key", "NRAK-" + "{up:27}"),
    "sentry": ("Sentry token", "sntrys_" + "eyJ{b62:80}_{b62:43}"),
    "grafana": ("Grafana token", "glsa_" + "{b62:32}_{hex:8}"),
    "linear": ("Linear API key", "lin_" + "api_{b62:40}"),
    "notion": ("Notion token", "ntn_" + "{b62:46}"),
    "figma": ("Figma token", "figd_" + "{url:40}"),
    "airtable": ("Airtable token", "pat" + "{b62:14}.{hex:64}"),
    "doppler": ("Doppler token", "dp.pt" + ".{b62:43}"),
    "planetscale": ("PlanetScale token", "pscale_" + "tkn_{url:43}"),
    "supabase": ("Supabase token", "sbp_" + "{hex:40}"),
    "jwt": ("session token", "{jwt}"),
    "private-key": ("private key", "{pem}"),
    "database-url": ("database url", "postgres" + "ql://app:{pw}@db.internal:5432/main"),
    "redis-url": ("redis url", "redis" + "://:{b62:20}@cache.internal:6379/0"),
    "password": ("database password", "{pw}"),
    "bearer": ("bearer token", "{b62:44}"),
    "basic": ("Authorization header", "Basic " + "{basic}"),
}  # fmt: skip

CONTEXTS = {
    "prose": "ok so the {name} for staging is {value} please don't lose it again",
    "shell": "export {NAME}={value}",
    "json": '{{"type": "tool_result", "content": "{{\\"{key}\\": \\"{value}\\", \\"region\\": \\"eu\\"}}"}}',
    "yaml": "services:\n  api:\n    {key}: {value}\n    replicas: 2",
}


def make(shape: str, rng: random.Random) -> str:
    """A value of this shape."""

    def piece(match: re.Match[str]) -> str:
        kind, size, special = match.groups()
        return (
            _special(special, rng)
            if special
            else "".join(rng.choice(_ALPHABETS[kind]) for _ in range(int(size)))
        )

    return re.sub(r"\{(\w+):(\d+)\}|\{(?=(?:uuid|pw|jwt|pem|basic)\})(\w+)\}", piece, shape)


def _special(kind: str, rng: random.Random) -> str:
    if kind == "uuid":
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if kind == "pw":
        return make("{abc:5}{dig:2}", rng) + rng.choice("!#%*^") + make("{b62:5}", rng)
    if kind == "basic":
        return base64.b64encode(make("svc:{b62:18}", rng).encode()).decode()
    if kind == "jwt":
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": make("{dig:10}", rng), "iat": 1})
        head = ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)
        return f"{head}.{make('{url:43}', rng)}"
    lines = "\n".join(make("{b64:64}", rng) for _ in range(6))
    return f"-----{'BEGIN'} OPENSSH PRIVATE KEY-----\n{lines}\n-----{'END'} OPENSSH PRIVATE KEY-----"


def positives(seed: int = 7) -> Iterator[tuple[str, str, str, str]]:
    """(type, context, text, value): each type in each context."""
    rng = random.Random(seed)
    for kind, (name, shape) in TYPES.items():
        for context, frame in CONTEXTS.items():
            value = make(shape, rng)
            key = re.sub(r"\W+", "_", name.lower())
            shown = value.replace("\n", "\\\\n") if context == "json" else value
            yield kind, context, frame.format(name=name, NAME=key.upper(), key=key, value=shown), value


NEGATIVES = (
    "commit {hex:40} fixes the login", "merge {hex:7}..{hex:7} into main", "image@sha256:{hex:64}", 'etag: "{hex:32}"',
    "the request id is req_{b62:24}", "tool_use_id: toolu_{b62:24}", "message msg_{b62:24} was dropped", "trace {hex:32} span {hex:16}",
    '"integrity": "sha512-{b64:86}=="', "h1:{b64:43}= github.example/mod v1.2.0", "session {uuid} ended", "id = '{uuid}'",
    "see /home/ana/projects/skillloop/tests/data/{low:8}/result_{dig:4}.json", "https://docs.example.org/guide/{low:12}/page-{dig:3}",
    "api_key = os.environ['SERVICE_API_KEY']", "token = get_token(user_id)", "password: ${DB_PASSWORD}", "export TOKEN=<your token here>",
    "API_KEY=xxxxxxxxxxxxxxxxxxxxxxxx", "use `Authorization: Bearer $TOKEN` in the header", "max_tokens = {dig:4}", "the password field must have 12 characters",
    "secretName: app-tls-certificate", "def reset_password(self, token: str) -> None:", "checksum {hex:64}  dist/app.tar.gz", "uses: actions/checkout@{hex:40}",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk", "cache key: build-linux-{hex:16}", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b64:43} me@laptop",
    "tokens used: {dig:6} of {dig:7}",
    "primary key {dig:8} is taken", 'token: "********"', "invalid token at line {dig:2}, column {dig:2}", "AKIA" + "IOSFODNN7EXAMPLE is from the docs",
    "run the password-reset tests first", "const apiKey = config.services.maps.apiKey", "color: #{hex:6}; secret sauce", "{dig:4}-05-17T10:00:00Z token refreshed", "chatcmpl-{b62:29} took 3 s",
)  # fmt: skip


def lookalikes(seed: int = 11, rounds: int = 10) -> Iterator[str]:
    """Texts without any credential: 39 shapes, ten of each."""
    rng = random.Random(seed)
    for _ in range(rounds):
        for shape in NEGATIVES:
            yield make(shape, rng)


def hidden(text: str, value: str) -> bool:
    """Whether nothing of use is left of the value after redaction: no ten characters in a row of its secret part."""
    left = redact(text)
    core = value.rsplit("@", 1)[0].rsplit(":", 1)[-1] if "://" in value and "@" in value else value
    core = core.split("sig=")[-1][-max(8, len(core) // 2) :]
    return not any(core[i : i + 10] in left for i in range(max(1, len(core) - 9)))


def megabytes_per_second() -> float:
    """Speed on ordinary prose, in MB of text a second."""
    prose = "When the build fails, read the log first. Don't guess: run the one test that broke, then fix the cause. "
    text = "\n".join(prose + str(i) for i in range(10_000))
    secrets(text[:1000])
    start = time.process_time()
    secrets(text)
    return len(text) / 1e6 / (time.process_time() - start)


def main() -> int:
    """Print the table; exit 1 when recall or false alarms miss their goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--misses", action="store_true", help="print each text that was judged wrongly")
    arguments = parser.parse_args()
    rows = list(positives())
    missed = [(kind, context, text) for kind, context, text, value in rows if not hidden(text, value)]
    texts = list(lookalikes())
    alarms = [(text, redact(text)) for text in texts if secrets(text)]
    print(f"recall       {len(rows) - len(missed)}/{len(rows)} = {1 - len(missed) / len(rows):.1%}")
    print(f"false alarms {len(alarms)}/{len(texts)} = {len(alarms) / len(texts):.1%}")
    print(f"speed        {megabytes_per_second():.0f} MB/s on prose")
    if arguments.misses:
        for row in (*missed, *alarms):
            print(*row, sep=" | ")
    return int(len(missed) > 0.05 * len(rows) or len(alarms) > 0.01 * len(texts))


if __name__ == "__main__":
    sys.exit(main())
