// The global stop: Holdfast keeps watching and telling, but repairs nothing. Stopped is said on every page.
import { useState } from "react";
import { post } from "../api/client";
import { useWords } from "../i18n/i18n";
import { momentOf } from "../i18n/quantities";
import { useLive } from "../live/live";
import { May } from "../session/session";
import { Confirm } from "../ui/Confirm";
import { Icon } from "../ui/Icon";
import { Ago, Button } from "../ui/pieces";

function AutomationConfirm({ stop, close }: { stop: boolean; close: () => void }) {
  const { t } = useWords();
  const [reason, setReason] = useState("");
  return (
    <Confirm
      title={stop ? t("automation.stop_title") : t("automation.resume_title")}
      yes={stop ? t("automation.stop") : t("automation.resume")}
      danger={stop}
      act={() => post("/automation", { stopped: stop, reason })}
      close={close}
    >
      <p>{stop ? t("automation.stop_text") : t("automation.resume_text")}</p>
      <label className="field">
        <span>{t("reason")}</span>
        <input value={reason} onChange={(event) => setReason(event.target.value)} maxLength={300} data-testid="automation-reason" />
      </label>
    </Confirm>
  );
}

export function AutomationBanner() {
  const { t } = useWords();
  const { overview } = useLive();
  const [asking, setAsking] = useState(false);
  const automation = overview?.automation;
  if (!automation?.stopped) return null;
  return (
    <div className="banner banner-warn" role="status" data-testid="automation-stopped-banner">
      <Icon name="stop" />
      <p>
        <strong>{t("automation.stopped_banner")}</strong> {t("automation.stopped_by", { who: automation.by || t("somebody") })}
        {momentOf(automation.at) !== null && (
          <>
            {" "}
            <Ago time={automation.at} />
          </>
        )}
        {automation.reason && <> · {automation.reason}</>}
      </p>
      <May permission="operate">
        <Button onClick={() => setAsking(true)} testId="automation-resume">
          {t("automation.resume")}
        </Button>
      </May>
      {asking && <AutomationConfirm stop={false} close={() => setAsking(false)} />}
    </div>
  );
}

export function AutomationSwitch() {
  const { t } = useWords();
  const { overview } = useLive();
  const [asking, setAsking] = useState(false);
  if (!overview) return null;
  const { stopped } = overview.automation;
  return (
    <div className="automation" data-testid="automation" data-stopped={stopped}>
      <div>
        <span className={`automation-state ${stopped ? "is-off" : "is-on"}`}>
          <Icon name={stopped ? "stop" : "check"} size={18} />
          {stopped ? t("automation.off") : t("automation.on")}
        </span>
      </div>
      <May permission="operate">
        <Button kind={stopped ? "main" : "plain"} icon={stopped ? "play" : "stop"} onClick={() => setAsking(true)} testId="automation-switch">
          {stopped ? t("automation.resume") : t("automation.stop")}
        </Button>
      </May>
      {asking && <AutomationConfirm stop={!stopped} close={() => setAsking(false)} />}
    </div>
  );
}
