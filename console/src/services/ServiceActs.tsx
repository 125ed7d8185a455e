// What a person may do to a service, each asked back first: restart, scale, take the canary out.
import { useState } from "react";
import { path, post } from "../api/client";
import type { ServiceView } from "../api/types";
import { useWords } from "../i18n/i18n";
import { Confirm } from "../ui/Confirm";

interface ActProps {
  close: () => void;
  done: () => void;
}

export function Restart({ service, target, close, done }: ActProps & { service: string; target: string }) {
  const { t } = useWords();
  return (
    <Confirm
      title={target ? t("service.restart_one", { name: target }) : t("service.restart_all", { name: service })}
      yes={t("service.restart")}
      danger
      act={() => post(path`/services/${service}/restart`, { target }).then(done)}
      close={close}
    >
      <p>{target ? t("service.restart_one_text") : t("service.restart_all_text")}</p>
    </Confirm>
  );
}

export function Scale({ service, close, done }: ActProps & { service: ServiceView }) {
  const { t } = useWords();
  const [version, setVersion] = useState(service.stable || service.versions[0] || "");
  const [replicas, setReplicas] = useState(service.replicas_wanted);
  return (
    <Confirm
      title={t("service.scale_title", { name: service.name })}
      yes={t("service.scale")}
      act={() => post(path`/services/${service.name}/scale`, { version, replicas }).then(done)}
      close={close}
    >
      <p>{t("service.scale_text", { count: service.replicas_wanted })}</p>
      <label className="field">
        <span>{t("service.version_label")}</span>
        <select value={version} onChange={(event) => setVersion(event.target.value)} data-testid="scale-version">
          {service.versions.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>{t("service.replicas")}</span>
        <input type="number" min={0} max={99} required value={replicas} onChange={(event) => setReplicas(Number(event.target.value))} data-testid="scale-replicas" />
      </label>
    </Confirm>
  );
}

export function CanaryStop({ service, close, done }: ActProps & { service: string }) {
  const { t } = useWords();
  return (
    <Confirm
      title={t("service.canary_stop")}
      yes={t("service.canary_stop")}
      danger
      act={() => post(path`/services/${service}/canary/stop`).then(done)}
      close={close}
    >
      <p>{t("service.canary_stop_text")}</p>
    </Confirm>
  );
}
