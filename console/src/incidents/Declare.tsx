// An incident that a person reports: what is wrong, how bad, for whom. Its people are called by its severity.
import { useState } from "react";
import { post } from "../api/client";
import type { Level, Scheme } from "../api/handling";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useLive, useResource } from "../live/live";
import { Confirm } from "../ui/Confirm";
import { Check, MomentField, Select, TextArea, TextField } from "../ui/forms";
import { navigate } from "../ui/router";

export function DeclareForm({ close }: { close: () => void }) {
  const { t, word, language } = useWords();
  const { overview } = useLive();
  const severity = useResource<{ schemes: Scheme[] }>("/severity");
  const [title, setTitle] = useState("");
  const [service, setService] = useState("");
  const [rank, setRank] = useState("3");
  const [extent, setExtent] = useState("");
  const [userImpact, setUserImpact] = useState("");
  const [startedAt, setStartedAt] = useState("");
  const [source, setSource] = useState("user_report");
  const [drill, setDrill] = useState(false);
  const services = (overview?.services ?? []).filter((one) => !one.supervised_only);
  const schemeName = services.find((one) => one.name === service)?.severity_scheme ?? "A";
  const scheme = severity.data?.schemes.find((one) => one.name === schemeName);
  const levelText = (level: Level) => `${level.name} ${(language === "zh" && level.title_zh) || level.title}`;
  const levels = scheme?.levels.map((level) => ({ value: String(level.rank), text: levelText(level) })) ?? ["1", "2", "3", "4"].map((value) => ({ value, text: value }));
  const extentOf = scheme?.levels.find((level) => String(level.rank) === rank);
  const declare = async () => {
    const body = { title, service, rank: Number(rank), extent, user_impact: userImpact, source, drill, ...(startedAt === "" ? {} : { started_at: startedAt }) };
    const { incident } = await post<{ incident: Incident }>("/incidents", body);
    navigate(`/incidents/${encodeURIComponent(incident.id)}`);
  };
  return (
    <Confirm title={t("declare.title")} yes={t("declare.button")} danger wide act={declare} close={close}>
      <p>{t("declare.text")}</p>
      <TextField label={t("declare.what")} value={title} onChange={setTitle} required autoFocus testId="declare-title" maxLength={300} />
      <div className="field-row">
        <Select label={t("common.service")} value={service} onChange={setService} options={[{ value: "", text: t("declare.no_service") }, ...services.map(({ name }) => ({ value: name, text: name }))]} testId="declare-service" />
        <Select label={t("declare.severity")} value={rank} onChange={setRank} options={levels} hint={extentOf && ((language === "zh" && extentOf.extent_zh) || extentOf.extent)} testId="declare-rank" />
      </div>
      <TextArea label={t("declare.extent")} value={extent} onChange={setExtent} rows={2} />
      <TextField label={t("declare.user_impact")} value={userImpact} onChange={setUserImpact} />
      <div className="field-row">
        <MomentField label={t("declare.started_at")} value={startedAt} onChange={setStartedAt} />
        <Select label={t("declare.source")} value={source} onChange={setSource} options={["user_report", "proactive", "automatic"].map((value) => ({ value, text: word("incident_source", value) }))} />
      </div>
      <Check label={t("declare.drill")} value={drill} onChange={setDrill} />
    </Confirm>
  );
}
