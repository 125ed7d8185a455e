// The frame around every page: where one can go, whether what is shown is true right now, and whether
// Holdfast may act.
import type { ReactNode } from "react";
import { useWords } from "../i18n/i18n";
import { formatClock } from "../i18n/quantities";
import { useFreshness, useLive } from "../live/live";
import { AutomationBanner } from "../overview/Automation";
import { useSession } from "../session/session";
import { Anchor, Icon } from "../ui/Icon";
import { Link } from "../ui/router";
import { Places } from "./Places";
import { LanguageToggle, ThemeToggle } from "./toggles";

export function Shell({ room, children }: { room: string; children: ReactNode }) {
  const { t } = useWords();
  const fresh = useFreshness();
  return (
    <div className="shell">
      <a className="skip" href="#content">
        {t("skip")}
      </a>
      <aside className="side">
        <Link to="/" className="brand" aria-label="Holdfast">
          <Anchor />
          <span>Holdfast</span>
        </Link>
        <Places room={room} />
        <div className="side-foot">
          <div className="toggles">
            <LanguageToggle />
            <ThemeToggle />
            <SignOut />
          </div>
          <div className="side-state">
            <LivePill />
            <Version />
          </div>
        </div>
      </aside>
      <div className="content">
        <ConnectionBanner />
        <AutomationBanner />
        <main id="content" className={fresh === "stale" ? "is-stale" : undefined}>
          {children}
        </main>
      </div>
    </div>
  );
}

function LivePill() {
  const { t } = useWords();
  const fresh = useFreshness();
  return (
    <p className={`pill pill-${fresh}`} data-testid="live-state" data-state={fresh}>
      <i />
      {t(fresh === "fresh" ? "live.fresh" : fresh === "stale" ? "live.stale" : "live.starting")}
    </p>
  );
}

function ConnectionBanner() {
  const { t } = useWords();
  const fresh = useFreshness();
  const { connection, skewMs } = useLive();
  return (
    <div aria-live="assertive">
      {fresh === "stale" && (
        <div className="banner banner-bad" data-testid="connection-lost">
          <Icon name="plug" />
          <p>
            <strong>{t("live.lost")}</strong>{" "}
            {connection.asOf === null ? t("live.never") : t("live.as_of", { time: formatClock(connection.asOf + skewMs) })}
          </p>
        </div>
      )}
    </div>
  );
}

function SignOut() {
  const { session, signOut } = useSession();
  const { t } = useWords();
  if (session.auth === "off") return null;
  return (
    <button type="button" className="button button-ghost square" onClick={() => void signOut()} aria-label={t("sign_out")} title={t("sign_out")} data-testid="sign-out">
      <Icon name="leave" />
    </button>
  );
}

function Version() {
  const { session } = useSession();
  const { t } = useWords();
  return (
    <p className="version muted">
      {session.version}
      {session.auth === "off" ? ` · ${t("auth.off")}` : ` · ${session.user}`}
    </p>
  );
}
