// Who holds which role, since when, and the hand-over to the next.
import { useState } from "react";
import { path, post } from "../api/client";
import type { IncidentRole } from "../api/handling";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useMay } from "../session/session";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { TextArea, TextField } from "../ui/forms";
import { Ago, Button, Card, Empty, Moment } from "../ui/pieces";

const kRoles = ["commander", "communications", "scribe", "technical_lead", "devops_lead", "database_expert"];

interface DutyProps {
  incident: Incident;
  changed: () => void;
}

export function Duties({ incident, changed }: DutyProps) {
  const { t, word } = useWords();
  const may = useMay("respond") && !incident.closed_at;
  const [asking, setAsking] = useState<IncidentRole | "new" | null>(null);
  const roles = incident.roles ?? [];
  return (
    <Card
      title={t("duty.title")}
      aside={
        may ? (
          <Button className="button-small" onClick={() => setAsking("new")} testId="role-assign">
            {t("duty.assign")}
          </Button>
        ) : undefined
      }
      testId="incident-roles"
    >
      {roles.length === 0 ? (
        <Empty icon="person" title={t("duty.none")} />
      ) : (
        <ul className="rows">
          {roles.map((one) => (
            <li key={one.role} data-testid={`role-${one.role}`}>
              <p className="row-head">
                <span className="muted">{word("incident_role", one.role)}</span>
                <b>{one.person || t("common.nobody")}</b>
                {may && (
                  <span className="row-acts">
                    <Button className="button-small" onClick={() => setAsking(one)} testId="role-hand-over">
                      {t("duty.hand_over")}
                    </Button>
                  </span>
                )}
              </p>
              <p className="muted">
                {t("duty.since")} <Ago time={one.since} />
                {one.backup && <> · {t("duty.backup", { who: one.backup })}</>}
                {one.answer_by && (
                  <>
                    {" · "}
                    {t("duty.answer_by")} <Moment time={one.answer_by} />
                  </>
                )}
                {one.backup_told_at && <> <Chip tone="warn">{t("duty.backup_told")}</Chip></>}
              </p>
            </li>
          ))}
        </ul>
      )}
      {asking !== null && <DutyForm incident={incident} role={asking === "new" ? null : asking} changed={changed} close={() => setAsking(null)} />}
    </Card>
  );
}

// A new role is assigned; one that is held is handed over, with a word on how things stand.
function DutyForm({ incident, role: held, changed, close }: DutyProps & { role: IncidentRole | null; close: () => void }) {
  const { t, word } = useWords();
  const taken = (incident.roles ?? []).map((one) => one.role);
  const free = kRoles.filter((one) => !taken.includes(one));
  const [role, setRole] = useState(held?.role ?? free[0] ?? "");
  const [person, setPerson] = useState("");
  const [backup, setBackup] = useState("");
  const [note, setNote] = useState("");
  const body = held ? { role: held.role, person, note, hand_over: true } : { role: role.trim(), person, backup };
  return (
    <Confirm
      title={held ? t("duty.hand_over_title", { role: word("incident_role", held.role) }) : t("duty.assign")}
      yes={t(held ? "duty.hand_over" : "duty.assign")}
      act={() => post(path`/incidents/${incident.id}/role`, body).then(changed)}
      close={close}
    >
      {!held && <TextField label={t("common.role")} value={role} onChange={setRole} required options={kRoles} hint={word("incident_role", role)} testId="role-name" />}
      <TextField label={t("common.person")} value={person} onChange={setPerson} required autoFocus testId="role-person" />
      {held ? (
        <TextArea label={t("duty.note")} value={note} onChange={setNote} rows={3} testId="role-note" />
      ) : (
        <TextField label={t("duty.backup_field")} value={backup} onChange={setBackup} />
      )}
    </Confirm>
  );
}
