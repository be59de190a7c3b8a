"""`istrc doctor`: whether this installation works, and what to do where it does not."""

from __future__ import annotations

from istrc.cli.report import Report


def doctor(report: Report, licences: bool = False) -> None:
    """Whether this installation works.

    Versions, devices, the shipped weights against their checksums, which optional extras are here,
    and a drawn face edited from end to end. What is broken is named with its remedy, and the exit
    code is 1.

    Args:
        licences: Also the licence of every dependency.

    Examples:
        istrc doctor
        istrc doctor --json --licences
    """
    from istrc import health
    from istrc.errors import reason

    facts = report.facts
    facts["versions"] = health.versions()
    facts["devices"] = health.devices()
    facts["extras"] = {
        name: [one for one in modules if not health.has(one)]
        for name, modules in health.EXTRAS.items()
    }
    if licences:
        facts["licences"] = health.licences()
    for error in (*health.missing_packages(), *health.broken_weights()):
        report.failed(None, error)
    if not report.errors:
        facts["weights"] = len(health.recorded())
    if not report.as_json:
        for line in _lines(facts):
            print(line)
    if report.errors:  # an edit would say the same once more
        return
    try:
        facts["self_test"] = tested = health.self_test()
    except Exception as error:  # of whatever kind: this is the command that tells of it
        report.failed(None, f"self-test: {reason(error)}; {health.AGAIN}")
    else:
        report.say(f"self-test: a face drawn and edited in {tested['seconds']:.1f} s")


def _lines(facts: dict) -> list[str]:
    lines = [f"{name} {version}" for name, version in facts["versions"].items()]
    lines.append(f"devices: {', '.join(facts['devices'])}")
    for extra, missing in facts["extras"].items():
        lacks = f"without {', '.join(missing)}: pip install 'istrc[{extra}]'"
        lines.append(f"extra {extra}: {lacks if missing else 'installed'}")
    lines += [f"licence of {name}: {text}" for name, text in facts.get("licences", {}).items()]
    if "weights" in facts:
        lines.append(f"weights: {facts['weights']} files as recorded")
    return lines
