// Whether the alarm would reach somebody: what is broken and what is weak, before the night it matters.
import { useState } from "react";
import { post } from "../api/client";
import type { Finding } from "../api/oncall";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { useResource } from "../live/live";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { TextField } from "../ui/forms";
import { Limited } from "../ui/lists";
import { Button, Card, Moment, Ready } from "../ui/pieces";

export function Reachability({ nothing }: { nothing: boolean }) {
  const { t } = useWords();
  const may = useMay("respond");
  const [testing, setTesting] = useState<string | null>(null);
  const [sent, setSent] = useState("");
  const reach = useResource<{ green: boolean; findings: Finding[] }>("/oncall/reachability", { topics: ["page.changed"], everyMs: 60_000, calmMs: 5_000 });
  return (
    <Ready of={reach}>
      {({ green, findings }) => {
        const broken = findings.filter((one) => one.severity === "broken");
        const sorted = [...broken, ...findings.filter((one) => one.severity !== "broken")];
        return (
          <Card
            title={t("oncall.reach")}
            tone={green ? (findings.length > 0 ? "warn" : nothing ? undefined : "good") : "bad"}
            aside={
              may ? (
                <Button className="button-small" icon="bell" onClick={() => setTesting("")} testId="test-page">
                  {t("oncall.test_page")}
                </Button>
              ) : undefined
            }
            testId="reachability"
          >
            <p>
              {green
                ? findings.length === 0
                  ? t(nothing ? "oncall.reach_nothing" : "oncall.reach_green")
                  : t("oncall.reach_ok", { count: formatCount(findings.length) })
                : t("oncall.reach_broken", { count: formatCount(broken.length) })}
            </p>
            {sent && <p role="status">{t("oncall.test_sent", { who: sent })}</p>}
            <Limited items={sorted} first={12}>
              {(some) => (
                <ul className="rows findings">
                  {some.map((one, i) => (
                    <li key={i} data-severity={one.severity}>
                      <Chip tone={one.severity === "broken" ? "bad" : "warn"}>{t(one.severity === "broken" ? "oncall.finding_broken" : "oncall.finding_weak")}</Chip> <b>{one.name}</b>{" "}
                      {one.from ? (
                        <>
                          {t("oncall.hole")} <Moment time={one.from} /> – <Moment time={one.to} />
                        </>
                      ) : (
                        one.text
                      )}
                    </li>
                  ))}
                </ul>
              )}
            </Limited>
            {testing !== null && (
              <Confirm
                title={t("oncall.test_page")}
                yes={t("oncall.test_page")}
                act={() => post("/oncall/test-page", { person: testing.trim() }).then(() => setSent(testing.trim()))}
                close={() => setTesting(null)}
              >
                <p>{t("oncall.test_text")}</p>
                <TextField label={t("common.person")} value={testing} onChange={setTesting} required autoFocus options={[...new Set(findings.map((one) => one.person).filter(Boolean))]} testId="test-person" />
              </Confirm>
            )}
          </Card>
        );
      }}
    </Ready>
  );
}
