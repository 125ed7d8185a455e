// What was done here, by whom, from where, and whether it was permitted; newest first, page by page into the past.
import { useState } from "react";
import { kApi } from "../api/client";
import type { AuditRecord } from "../api/access";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";
import { Select, TextField } from "../ui/forms";
import { Button, Card, Empty, Moment, Ready, Table } from "../ui/pieces";
import { changeSearch, useAddress } from "../ui/router";

const kResults = ["ok", "accepted", "denied", "failed"] as const;
const kTones: Record<string, Tone> = { ok: "good", accepted: "info", denied: "bad", failed: "bad" };
const kFilters = ["user", "action", "resource", "result"] as const;

// "denied: the permission operate is missing" is the word and what came of it.
const resultWord = (result: string) => result.split(":")[0]!.trim();

export function AuditLog() {
  const { t, word } = useWords();
  const { search } = useAddress();
  const [before, setBefore] = useState<number[]>([]);
  const [typed, setTyped] = useState<Record<string, string>>(() => Object.fromEntries(kFilters.map((name) => [name, search.get(name) ?? ""])));
  const asked = new URLSearchParams({ limit: "100" });
  for (const name of kFilters) if (search.get(name)) asked.set(name, search.get(name)!);
  const csv = `${kApi}/audit?${asked.toString().replace("limit=100", "limit=10000")}&format=csv`;
  const last = before.at(-1);
  if (last !== undefined) asked.set("before", String(last));
  const audit = useResource<{ records: AuditRecord[]; next: number }>(`/audit?${asked.toString()}`, { everyMs: last === undefined ? 15_000 : 0 });
  const apply = (change: Record<string, string>) => {
    setTyped({ ...typed, ...change });
    setBefore([]);
    changeSearch({ ...typed, ...change });
  };
  return (
    <Card
      title={t("access.audit")}
      aside={
        <a className="button button-small" href={csv} download="audit.csv">
          {t("access.audit_csv")}
        </a>
      }
      testId="audit"
    >
      <form
        className="field-row"
        onSubmit={(event) => {
          event.preventDefault();
          apply({});
        }}
      >
        <TextField label={t("access.audit_user")} value={typed["user"] ?? ""} onChange={(user) => setTyped({ ...typed, user })} testId="audit-user" />
        <TextField label={t("access.audit_action")} value={typed["action"] ?? ""} onChange={(action) => setTyped({ ...typed, action })} />
        <TextField label={t("access.audit_resource")} value={typed["resource"] ?? ""} onChange={(resource) => setTyped({ ...typed, resource })} />
        <Select
          label={t("access.audit_result")}
          value={typed["result"] ?? ""}
          onChange={(result) => apply({ result })}
          options={[{ value: "", text: t("access.audit_any") }, ...kResults.map((value) => ({ value: value as string, text: word("audit_result", value) }))]}
        />
        <Button type="submit" className="audit-find" icon="explore">{t("alerts.filter")}</Button>
      </form>
      <Ready of={audit}>
        {({ records, next }) => (
          <>
            {records.length === 0 ? (
              <Empty icon="key" title={t("access.audit_none")} />
            ) : (
              <Table
                caption={t("access.audit")}
                rows={records}
                rowKey={(one) => String(one.additional_info.seq)}
                rowTestId={() => "audit-row"}
                columns={[
                  { title: t("common.when"), head: true, cell: (one) => <Moment time={one.timestamp} /> },
                  { title: t("access.audit_user"), cell: (one) => <>{one.user_id || "–"} <span className="muted">{one.additional_info.via}</span></> },
                  {
                    title: t("access.audit_action"),
                    cell: (one) => (
                      <>
                        {one.action} {one.additional_info.count > 1 && <span className="muted">{t("access.audit_times", { count: one.additional_info.count })}</span>}
                      </>
                    ),
                  },
                  { title: t("access.audit_resource"), cell: (one) => one.resource || "–" },
                  {
                    title: t("access.audit_result"),
                    cell: (one) => (
                      <Chip tone={kTones[resultWord(one.result)] ?? "quiet"} title={one.result}>
                        {word("audit_result", resultWord(one.result))}
                      </Chip>
                    ),
                  },
                  { title: t("access.address"), cell: (one) => one.ip_address || "–" },
                ]}
              />
            )}
            <p className="more">
              {before.length > 0 && <Button className="button-small" onClick={() => setBefore(before.slice(0, -1))}>{t("oncall.later")}</Button>}
              {next > 0 && (
                <Button className="button-small" onClick={() => setBefore([...before, next])} testId="audit-older">
                  {t("access.audit_older")}
                </Button>
              )}
            </p>
          </>
        )}
      </Ready>
    </Card>
  );
}
