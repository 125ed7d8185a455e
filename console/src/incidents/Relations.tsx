// How an incident relates to others: linked, merged, split; its war room and its postmortem.
import { useState } from "react";
import { path, post } from "../api/client";
import type { Postmortem } from "../api/learn";
import type { Incident } from "../api/types";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { PostmortemState } from "../postmortems/PostmortemState";
import { useMay } from "../session/session";
import { useAct } from "../ui/act";
import { Chip } from "../ui/Chip";
import { Confirm } from "../ui/Confirm";
import { Check, Problem, Select, TextField } from "../ui/forms";
import { Button, Card, Labels, Moment } from "../ui/pieces";
import { Link, navigate } from "../ui/router";

interface RelationProps {
  incident: Incident;
  changed: () => void;
}

const addressOf = (id: string) => `/incidents/${encodeURIComponent(id)}`;

export function Links({ incident }: { incident: Incident }) {
  const { t, word } = useWords();
  const links = incident.links ?? [];
  if (links.length === 0) return null;
  return (
    <Card title={t("links.title")} testId="incident-links">
      <ul className="rows">
        {links.map((link) => (
          <li key={`${link.kind} ${link.incident}`}>
            {word("link_kind", link.kind)} <Link to={addressOf(link.incident)}>{link.incident}</Link>{" "}
            <span className="muted">
              <Moment time={link.at} /> {t("common.by", { who: link.by })}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

export function WarRoomLine({ incident }: { incident: Incident }) {
  const { t, word } = useWords();
  const room = incident.war_room;
  if (!room?.name) return null;
  const tone = room.state === "open" ? "good" : room.state === "failed" ? "bad" : "info";
  // Slack's channels have addresses that its programs open by themselves.
  const address = /^[CG][A-Z0-9]{6,}$/.test(room.id) ? `https://slack.com/app_redirect?channel=${room.id}` : null;
  return (
    <span className="muted" data-testid="war-room">
      {t("room.title")}:{" "}
      {address ? (
        <a href={address} rel="noreferrer" target="_blank">
          {room.name}
        </a>
      ) : (
        <b>{room.name}</b>
      )}{" "}
      <Chip tone={tone} icon="chat" title={room.detail}>
        {word("room", room.state)}
      </Chip>{" "}
      {room.state === "failed" && room.detail}
    </span>
  );
}

export function PostmortemCard({ incident }: { incident: Incident }) {
  const { t, language } = useWords();
  const may = useMay("respond");
  const { busy, problem, run } = useAct();
  const postmortems = useResource<{ postmortems: Postmortem[] }>(incident.state === "resolved" ? "/postmortems" : null, { topics: ["postmortem.changed"], calmMs: 500 });
  if (incident.state !== "resolved" || !postmortems.data) return null;
  const found = postmortems.data.postmortems.find((one) => one.incident === incident.id);
  const draft = () =>
    run(async () => {
      await post("/postmortems", { incident: incident.id, language });
      navigate(`/postmortems/${encodeURIComponent(incident.id)}`);
    });
  return (
    <Card title={t("incident.postmortem")} testId="incident-postmortem">
      {found ? (
        <p className="row-head">
          <Link to={`/postmortems/${encodeURIComponent(incident.id)}`}>{found.title || incident.id}</Link> <PostmortemState postmortem={found} />
        </p>
      ) : (
        <p className="row-head">
          <span className="muted">{t("incident.postmortem_none")}</span>
          {may && (
            <Button className="button-small" disabled={busy} onClick={() => void draft()} testId="postmortem-draft">
              {t("incident.postmortem_draft")}
            </Button>
          )}
        </p>
      )}
      <Problem text={problem} />
    </Card>
  );
}

// Offered, not imposed: the incidents one would most likely mean.
function useOthers(incident: Incident): string[] {
  const incidents = useResource<{ incidents: Incident[] }>("/incidents?state=all&limit=50");
  return (incidents.data?.incidents ?? []).map((one) => one.id).filter((id) => id !== incident.id);
}

type FormProps = RelationProps & { close: () => void };

export function LinkForm({ incident, changed, close }: FormProps) {
  const { t, word } = useWords();
  const others = useOthers(incident);
  const [other, setOther] = useState("");
  const [kind, setKind] = useState("related");
  return (
    <Confirm title={t("links.add")} yes={t("links.add")} act={() => post(path`/incidents/${incident.id}/link`, { incident: other.trim(), kind }).then(changed)} close={close}>
      <Select label={t("links.kind")} value={kind} onChange={setKind} options={["related", "duplicate", "caused_by"].map((value) => ({ value, text: word("link_kind", value) }))} />
      <TextField label={t("links.other")} value={other} onChange={setOther} required options={others} autoFocus testId="link-other" />
    </Confirm>
  );
}

export function MergeForm({ incident, changed, close }: FormProps) {
  const { t } = useWords();
  const others = useOthers(incident);
  const [into, setInto] = useState("");
  return (
    <Confirm title={t("links.merge_title", { id: incident.id })} yes={t("links.merge")} danger act={() => post(path`/incidents/${incident.id}/merge`, { into: into.trim() }).then(changed)} close={close}>
      <p>{t("links.merge_text")}</p>
      <TextField label={t("links.other")} value={into} onChange={setInto} required options={others} autoFocus testId="merge-into" />
    </Confirm>
  );
}

export function SplitForm({ incident, changed, close }: FormProps) {
  const { t } = useWords();
  const [chosen, setChosen] = useState<string[]>([]);
  const [title, setTitle] = useState("");
  const split = () =>
    post<{ incident: Incident }>(path`/incidents/${incident.id}/split`, { alerts: chosen, title }).then(({ incident: made }) => {
      changed();
      navigate(addressOf(made.id));
    });
  return (
    <Confirm title={t("links.split_title", { id: incident.id })} yes={t("links.split")} act={split} close={close}>
      <p>{t("links.split_text")}</p>
      <fieldset className="radios">
        <legend className="visually-hidden">{t("incident.alerts")}</legend>
        {incident.alerts.map((alert) => (
          <Check
            key={alert.fingerprint}
            label={<Labels labels={alert.labels} />}
            value={chosen.includes(alert.fingerprint)}
            onChange={(on) => setChosen(on ? [...chosen, alert.fingerprint] : chosen.filter((one) => one !== alert.fingerprint))}
          />
        ))}
      </fieldset>
      <TextField label={t("links.split_name")} value={title} onChange={setTitle} />
    </Confirm>
  );
}
