import { describe, expect, it } from "vitest";
import { exactMatchers, matchesAll, parseMatchers, printMatchers } from "./matchers";

const names = (text: string) => parseMatchers(text).matchers.map((one) => `${one.name}|${one.isEqual}|${one.isRegex}|${one.value}`);

describe("matchers are read as people write them", () => {
  it.each([
    ['alertname="High"', ["alertname|true|false|High"]],
    ['{alertname="High", service=~"pay.*|cart"}', ["alertname|true|false|High", "service|true|true|pay.*|cart"]],
    ["severity!=low,service!~x", ["severity|false|false|low", "service|false|true|x"]],
    ['"label name"="a b"', ["label name|true|false|a b"]],
    ['a="say \\"no\\"\\n"', ['a|true|false|say "no"\n']],
    ['path=~"/\\d+"', ["path|true|true|/\\d+"]],
    ['名称="数据库"', ["名称|true|false|数据库"]],
    ["", []],
    ["{}", []],
    ['a="b",', ["a|true|false|b"]],
  ])("%s", (text, expected) => {
    expect(parseMatchers(text).problem).toBeNull();
    expect(names(text)).toEqual(expected);
  });
  it.each(["High", 'a="b" c="d"', 'a="b', '{a="b"', "=x", 'a=~"("', "a=="])("%s is refused", (text) =>
    expect(parseMatchers(text).problem).not.toBeNull(),
  );
  it("and printed so that they are read again", () => {
    const text = 'alertname="a\\"b", "odd name"!~"x|y", c!=""';
    expect(printMatchers(parseMatchers(text).matchers)).toBe(text);
  });
});

describe("matchers against labels", () => {
  const labels = { alertname: "HighLatency", service: "pay", severity: "critical" };
  it.each([
    ['service="pay"', true],
    ['service!="pay"', false],
    ['service=~"pa"', false], // anchored
    ['service=~"pa.|cart"', true],
    ['service=~"(?i)PAY"', true],
    ['team=""', true], // a label that is not there is empty
    ['team!=""', false],
    ['team!~"a.*"', true],
    ['service="pay",severity="low"', false],
    ["", true],
  ])("%s", (text, expected) => expect(matchesAll(labels, parseMatchers(text).matchers)).toBe(expected));
});

it("a silence of one alert names all of its labels, the alert's name first", () => {
  expect(printMatchers(exactMatchers({ service: "pay", alertname: "Down" }))).toBe('alertname="Down", service="pay"');
});
