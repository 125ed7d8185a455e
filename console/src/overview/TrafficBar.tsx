// Where requests go: what Holdfast wants and what the balancer really does, one bar each, so that a
// difference is seen at once.
import type { Traffic } from "../api/types";
import { useWords } from "../i18n/i18n";
import { Chip } from "../ui/Chip";

const kDiffersBy = 1; // percentage points; weights are whole numbers, so the last point may be rounding

export function splitDiffers(traffic: Traffic): boolean {
  const groups = new Set([...Object.keys(traffic.wanted_percent), ...Object.keys(traffic.effective_percent)]);
  return [...groups].some(
    (group) => Math.abs((traffic.wanted_percent[group] ?? 0) - (traffic.effective_percent[group] ?? 0)) > kDiffersBy,
  );
}

export function TrafficBar({ traffic }: { traffic: Traffic }) {
  const { t } = useWords();
  if (!traffic.reachable) {
    return (
      <div className="traffic" data-testid="traffic-split">
        <p>
          {t("traffic.title")} <Chip tone="bad">{t("traffic.unreachable")}</Chip>
        </p>
        <p className="muted">{traffic.error}</p>
      </div>
    );
  }
  return (
    <div className="traffic" data-testid="traffic-split">
      <p>
        {t("traffic.title")} {splitDiffers(traffic) && <Chip tone="warn">{t("traffic.differs")}</Chip>}
      </p>
      <Split name={t("traffic.wanted")} percent={traffic.wanted_percent} />
      <Split name={t("traffic.effective")} percent={traffic.effective_percent} />
    </div>
  );
}

function Split({ name, percent }: { name: string; percent: Record<string, number> }) {
  const { t, word } = useWords();
  const groups = Object.entries(percent)
    .filter(([, share]) => share > 0)
    .sort(([a], [b]) => (a === "stable" ? -1 : b === "stable" ? 1 : a.localeCompare(b)));
  return (
    <div className="split">
      <span className="split-name">{name}</span>
      {groups.length === 0 ? (
        <span className="split-none">{t("traffic.none")}</span>
      ) : (
        <div className="split-bar">
          {groups.map(([group, share]) => (
            <span key={group} className={`split-${group === "stable" ? "stable" : "canary"}`} style={{ flexGrow: share }}>
              <span>
                {word("traffic_group", group)} {Math.round(share * 10) / 10} %
              </span>
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
