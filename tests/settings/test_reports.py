"""`mail:` and `reports:` say what leaves the site, and each slip is told with its line and its remedy."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from ems.settings.build import SiteSettings
from ems.settings.load import load
from ems.settings.mail import MailSettings
from ems.settings.mail_schema import MailSecurity
from ems.statistics.export_plan import Content, ExportPlan, ToMail, ToSftp, ToWebhook
from ems.statistics.period import Every

SITE = """\
site: {name: Yard, timezone: Europe/Berlin}
circuits:
  grid: {rating_a: 63, base_load_max_a: 20}
stations:
  CP-01: {circuit: grid, fallback_a: 6, evses: {1: {max_a: 32, phases: L1 L2 L3}}}
ocpp: {host: 127.0.0.1}
"""
MAIL = "mail: {host: smtp.example.com, user: ems, password_file: secret, sender: ems@depot.example}\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1n0Yz0xwXH0mXjz9v3XoQmP1m2bq3c4d5e6f7g8h9i"
EXPORTS = f"""\
reports:
  co2_g_per_kwh: 363
  co2_series: grid-co2
  co2_pv_g_per_kwh: 40
  names_days: 365
  exports:
    accounting: {{content: report, every: month, day: 3, at: "06:30", mail: [office@depot.example]}}
    erp: {{content: energy, every: day, webhook: {{url: "https://erp.example.com/in", secret_file: secret}}}}
    fleet:
      content: sessions
      every: week
      day: Tue
      sftp: {{host: sftp.example.com, user: ems, password_file: secret, host_key: {KEY}, folder: in}}
"""


def loaded(tmp_path: Path, text: str) -> tuple[SiteSettings | None, list[str]]:
    (tmp_path / "secret").write_text("a long secret")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "site.yaml").write_text(SITE + text)
    found = load(tmp_path)
    return found.settings, [f"{one.line}: {one.message}; {one.remedy}" for one in found.findings]


def test_without_the_sections_nothing_leaves_the_site(tmp_path: Path) -> None:
    settings, _ = loaded(tmp_path, "")
    assert settings is not None
    assert (settings.mail, settings.reports.exports, settings.reports.names_days) == (None, (), None)


def test_what_the_sections_say(tmp_path: Path) -> None:
    settings, words = loaded(tmp_path, MAIL + EXPORTS)
    secret = tmp_path / "secret"
    assert settings is not None, words
    assert settings.reports.names_days == 365
    assert settings.mail == MailSettings(
        "smtp.example.com", 587, MailSecurity.STARTTLS, "ems@depot.example", "ems", secret
    )
    told = settings.reports
    assert (told.co2_g_per_kwh, told.co2_series, told.co2_pv_g_per_kwh) == (363, "grid-co2", 40)
    assert settings.reports.exports == (
        ExportPlan("accounting", Content.REPORT, Every.MONTH, ToMail(("office@depot.example",)), time(6, 30), 3),
        ExportPlan("erp", Content.ENERGY, Every.DAY, ToWebhook("https://erp.example.com/in", str(secret))),
        ExportPlan(
            "fleet",
            Content.SESSIONS,
            Every.WEEK,
            ToSftp("sftp.example.com", "ems", KEY, 22, "in", str(secret)),
            day=1,
        ),
    )


def test_a_secret_that_everybody_can_read_is_told(tmp_path: Path) -> None:
    loaded(tmp_path, MAIL)
    (tmp_path / "secret").chmod(0o644)
    words = [f"{one.message}; {one.remedy}" for one in load(tmp_path).findings]
    assert any(f"chmod 600 {tmp_path / 'secret'}" in one for one in words)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mail: {host: smtp.example.com}\n", "7: sender is missing"),
        ("mail: {host: smtp.example.com, sender: nobody}\n", "'nobody' is not a mail address"),
        (MAIL.replace("secret", "missing"), "missing' cannot be read: No such file"),
        (MAIL.replace("password_file: secret, ", ""), "the login of 'ems' needs a password_file"),
        (MAIL.replace("user: ems, ", ""), "a password_file without a user"),
        (MAIL.replace("}", ", security: none}"), "anybody on the way can read the password and reports"),
        (MAIL.replace("}", ", security: ssl}"), "security cannot be 'ssl'"),
        (MAIL.replace("}", ", ca_file: ours.pem}"), "ours.pem' does not exist"),
        (EXPORTS, "13: the export 'accounting' needs a mail server"),
        (MAIL + EXPORTS.replace("day: 3", "day: Mon"), "Mon is no day of every month; write 1 to 28"),
        (MAIL + EXPORTS.replace("day: Tue", "day: 31"), "'31' is not a day"),
        (MAIL + EXPORTS.replace('at: "06:30"', "at: noon"), "'noon' is not a time of day"),
        (MAIL + EXPORTS.replace("content: report", "content: everything"), "content cannot be 'everything'"),
        (MAIL + EXPORTS.replace("https://erp", "ftp://erp"), "is not a web address"),
        (MAIL + EXPORTS.replace("https://erp", "http://erp"), "anybody on the way can read the export 'erp'"),
        (MAIL + EXPORTS.replace(KEY, "trust-me"), "is not the public key of a server"),
        (
            MAIL + EXPORTS.replace("password_file: secret, host_key", "host_key"),
            "needs a password_file or a key_file",
        ),
        ("reports: {exports: {x: {content: report, every: month}}}\n", "the export 'x' goes nowhere"),
        ("reports: {co2_g_per_kw: 5}\n", "unknown key 'co2_g_per_kw': did you mean 'co2_g_per_kwh'?"),
        ("reports: {co2_g_per_kwh: -1}\n", "must be at least 0"),
    ],
)
def test_what_is_missing_or_wrong_is_said_with_the_remedy(tmp_path: Path, text: str, said: str) -> None:
    _, words = loaded(tmp_path, text)
    assert any(said in one for one in words), words


def test_one_export_goes_one_way(tmp_path: Path) -> None:
    both = EXPORTS.replace("webhook: {", "mail: [office@depot.example], webhook: {")
    _, words = loaded(tmp_path, MAIL + both)
    assert any("goes to mail and webhook: that is one export each" in one for one in words), words
