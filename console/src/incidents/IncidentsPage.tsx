import { useState } from "react";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useLive, useResource } from "../live/live";
import { useMay } from "../session/session";
import { Button, Card, Choice, Empty, Page, Ready } from "../ui/pieces";
import { changeSearch, useAddress } from "../ui/router";
import { DeclareForm } from "./Declare";
import { IncidentRows } from "./IncidentRows";

const kLimit = 200;
type Filter = "active" | "resolved" | "all";

export function IncidentsPage() {
  const { t } = useWords();
  const { search } = useAddress();
  const { overview } = useLive();
  const may = useMay("respond");
  const [declaring, setDeclaring] = useState(false);
  const asked = search.get("state");
  const state: Filter = asked === "active" || asked === "resolved" ? asked : "all";
  const service = search.get("service") ?? "";
  const incidents = useResource<{ incidents: Incident[] }>(
    `/incidents?state=${state}&limit=${kLimit}${service ? `&service=${encodeURIComponent(service)}` : ""}`,
    { topics: ["incident.changed"], everyMs: 15_000 },
  );
  const services = [...new Set([...(overview?.services.map((one) => one.name) ?? []), ...(service ? [service] : [])])];
  return (
    <Page
      title={t("nav.incidents")}
      intro={t("incidents.intro")}
      aside={
        may ? (
          <Button icon="incident" onClick={() => setDeclaring(true)} testId="declare">
            {t("declare.button")}
          </Button>
        ) : undefined
      }
      testId="incidents-page"
    >
      {declaring && <DeclareForm close={() => setDeclaring(false)} />}
      <div className="filters">
        <Choice<Filter>
          label={t("incidents.state")}
          value={state}
          options={(["all", "active", "resolved"] as const).map((value) => ({ value, text: t(`incidents.${value}`) }))}
          onChange={(value) => changeSearch({ state: value === "all" ? "" : value })}
          testId="incident-filter"
        />
        <label className="field field-inline">
          <span>{t("incidents.service")}</span>
          <select value={service} onChange={(event) => changeSearch({ service: event.target.value })} data-testid="incident-service">
            <option value="">{t("incidents.any_service")}</option>
            {services.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </div>
      <Ready of={incidents}>
        {(data) =>
          data.incidents.length === 0 ? (
            <None filtered={state !== "all" || service !== ""} />
          ) : (
            <Card>
              <IncidentRows incidents={data.incidents} />
              {data.incidents.length >= kLimit && <p className="muted">{t("incidents.limited", { count: kLimit })}</p>}
            </Card>
          )
        }
      </Ready>
    </Page>
  );
}

function None({ filtered }: { filtered: boolean }) {
  const { t } = useWords();
  if (!filtered) return <Empty title={t("incidents.none")}>{t("incidents.none_text")}</Empty>;
  return (
    <Empty title={t("incidents.none_filtered")}>
      <Button onClick={() => changeSearch({ state: "", service: "" })} testId="filters-clear">
        {t("incidents.clear")}
      </Button>
    </Empty>
  );
}
