"""Random traces of alerts, silences and routes for alertmanager_peer_test.py: made here, told to both, compared there.

A trace is a subtree of one alertmanager.yml with receivers of its own, and what happens to it at each tick. Everything
happens at the beginning of a tick and every group is flushed in its middle, so half a tick of delay changes no answer.
"""
import datetime
import random

TICK = 1.5  # seconds
TICKS = 6
LABELS = {"alertname": ["Down", "Slow", "Full"], "a": ["0", "1", "2"], "b": ["x", "y", ""], "severity": ["warning", "critical"]}
INTERVALS = """time_intervals:
  - { name: always, time_intervals: [ { times: [ { start_time: '00:00', end_time: '24:00' } ] } ] }
  - { name: never, time_intervals: [ { years: [ '1990' ] } ] }
  - { name: weekdays_and_not, time_intervals: [ { weekdays: [ 'sunday:saturday' ] }, { months: [ 'january' ] } ] }
"""


def stamp(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def matcher(rng, name):
    value = rng.choice(LABELS[name])
    form = rng.choice(["=", "=", "!=", "=~", "!~"])
    if "~" in form:
        value = rng.choice([value + "|" + rng.choice(LABELS[name]), value[:1] + ".*", ".+"])
    return f'{name}{form}"{value}"'


class Trace:
    def __init__(self, seed, number):
        self.rng = random.Random(f"{seed}/{number}")
        self.name = f"t{number}"
        self.receivers = [f"{self.name}r{i}" for i in range(self.rng.randint(1, 3))]
        self.sets = [self.labels() for _ in range(self.rng.randint(2, 6))]
        self.firing = {}  # place in sets -> startsAt
        self.silences = 0
        self.twins = False  # two routes side by side with the same matchers

    def labels(self):
        found = {name: self.rng.choice(values) for name, values in LABELS.items()}
        return {"trace": self.name, **{name: value for name, value in found.items() if value}}

    # ---- alertmanager.yml ----

    def route(self, depth):
        rng = self.rng
        lines = []
        if depth == 0:
            lines.append(f"matchers: [ 'trace=\"{self.name}\"' ]")
            lines.append("group_wait: 750ms")
            lines.append("group_interval: 1500ms")
        else:
            names = rng.sample(sorted(LABELS), rng.randint(1, 2))
            lines.append("matchers: [ " + ", ".join("'" + matcher(rng, name) + "'" for name in names) + " ]")
            if rng.random() < 0.4:
                lines.append("continue: true")
        if depth == 0 or rng.random() < 0.7:
            lines.append(f"receiver: {rng.choice(self.receivers)}")
        if depth == 0 or rng.random() < 0.6:
            lines.append("group_by: " + rng.choice(["['...']", "[alertname]", "[a, b]", "[]", "[severity, alertname]"]))
        if depth == 0 or rng.random() < 0.4:
            lines.append("repeat_interval: " + rng.choice(["3750ms", "2250ms", "1h"]))
        if depth > 0 and rng.random() < 0.15:
            which = rng.choice(["mute_time_intervals", "active_time_intervals"])
            lines.append(f"{which}: [{rng.choice(['always', 'never', 'weekdays_and_not'])}]")
        if depth < 3 and rng.random() < (0.9 if depth == 0 else 0.4):
            lines.append("routes:")
            seen = set()
            for _ in range(rng.randint(1, 3)):
                inner = self.route(depth + 1)
                matchers = "".join(sorted(inner[0]))
                self.twins = self.twins or matchers in seen
                seen.add(matchers)
                lines += ["  - " + inner[0]] + ["    " + line for line in inner[1:]]
        return lines

    def receiver_lines(self, port):
        lines = []
        for name in self.receivers:
            lines.append(f"  - name: {name}")
            lines.append("    webhook_configs:")
            for i in range(self.rng.choice([1, 1, 1, 2])):
                extra = ", send_resolved: false" if self.rng.random() < 0.2 else ""
                extra += ", max_alerts: 1" if self.rng.random() < 0.15 else ""
                lines.append(f"      - {{ url: 'http://127.0.0.1:{port}/{self.name}/{name}/{i}'{extra} }}")
        return lines

    def inhibit_lines(self):
        lines = []
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            source, target = self.rng.sample(["a", "severity", "alertname"], 2)
            equal = self.rng.choice(["[trace]", "[trace, b]", "[trace, alertname]"])
            lines.append(f"  - source_matchers: [ 'trace=\"{self.name}\"', '{matcher(self.rng, source)}' ]")
            lines.append(f"    target_matchers: [ 'trace=\"{self.name}\"', '{matcher(self.rng, target)}' ]")
            lines.append(f"    equal: {equal}")
        return lines

    # ---- what happens ----

    def tick(self, number, now):
        """Alerts and silences of one tick: bodies for /api/v2/alerts, bodies for /api/v2/silences, silences to expire."""
        rng = self.rng
        alerts, made, ended = [], [], []
        for place, labels in enumerate(self.sets):
            if place in self.firing:
                if rng.random() < 0.3:
                    alerts.append(self.alert(labels, self.firing.pop(place), now))
                elif rng.random() < 0.2:
                    alerts.append(self.alert(labels, self.firing[place], None))  # said again, in other words
            elif rng.random() < (0.6 if number == 0 else 0.25):
                self.firing[place] = now
                alerts.append(self.alert(labels, now, None))
        if rng.random() < 0.15:
            ends = now + TICK * rng.choice([1, 2, 100])
            made.append({
                "matchers": [{"name": "trace", "value": self.name, "isRegex": False, "isEqual": True}, self.silence_matcher()],
                "startsAt": stamp(now + rng.choice([0, 0, TICK])), "endsAt": stamp(max(ends, now + 2 * TICK)),
                "createdBy": "trace", "comment": f"{self.name}/{self.silences}"})
            self.silences += 1
        elif self.silences and rng.random() < 0.2:
            ended.append(f"{self.name}/{rng.randrange(self.silences)}")
        return alerts, made, ended

    def silence_matcher(self):
        name = self.rng.choice(["a", "alertname", "severity"])
        regex = self.rng.random() < 0.3
        value = self.rng.choice(LABELS[name])
        return {"name": name, "value": value + "|none" if regex else value, "isRegex": regex, "isEqual": self.rng.random() < 0.8}

    def alert(self, labels, starts, ends):
        rng = self.rng
        annotations = {"summary": rng.choice(["one", "two"]), "fixed": "same"} if rng.random() < 0.8 else {}
        one = {"labels": labels, "annotations": annotations, "startsAt": stamp(starts), "generatorURL": "http://127.0.0.1/" + self.name}
        one["endsAt"] = stamp(ends if ends is not None else starts + 3600)
        return one


def config(traces, port):
    lines = ["route:", "  receiver: nobody", "  routes:"]
    receivers, inhibit = ["receivers:", "  - name: nobody"], []
    for trace in traces:
        route = trace.route(0)
        lines += ["    - " + route[0]] + ["      " + line for line in route[1:]]
        receivers += trace.receiver_lines(port)
        inhibit += trace.inhibit_lines()
    rules = ["inhibit_rules:"] + inhibit if inhibit else []
    return "\n".join(lines + receivers + rules) + "\n" + INTERVALS
