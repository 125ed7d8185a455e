// Why a decision was taken, in six lines that can be checked by hand.
import type { Evidence } from "../api/types";
import { looksLikePromql } from "../explore/promql";
import { useWords } from "../i18n/i18n";
import type { Key } from "../i18n/i18n";
import { Link } from "../ui/router";

const kLines: [keyof Evidence, Key][] = [
  ["query", "evidence.query"],
  ["value", "evidence.value"],
  ["threshold", "evidence.threshold"],
  ["window", "evidence.window"],
  ["source", "evidence.source"],
  ["otherwise", "evidence.otherwise"],
];

export const hasEvidence = (evidence: Evidence | undefined): evidence is Evidence =>
  evidence !== undefined && kLines.some(([member]) => evidence[member]);

export function EvidenceView({ evidence }: { evidence: Evidence }) {
  const { t } = useWords();
  return (
    <dl className="evidence" data-testid="evidence">
      {kLines.map(
        ([member, key]) =>
          evidence[member] && (
            <div key={member}>
              <dt>{t(key)}</dt>
              <dd className={member === "query" || member === "source" ? "code" : undefined}>
                {evidence[member]}
                {member === "query" && looksLikePromql(evidence.query) && (
                  <>
                    {" "}
                    <Link to={`/explore?query=${encodeURIComponent(evidence.query)}`} className="explore-link">
                      {t("evidence.explore")}
                    </Link>
                  </>
                )}
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}

export function EvidenceFold({ evidence, open = false }: { evidence: Evidence | undefined; open?: boolean }) {
  const { t } = useWords();
  if (!hasEvidence(evidence)) return null;
  return (
    <details className="fold" open={open} data-testid="evidence-fold">
      <summary>
        {t("evidence.title")}
        {evidence.value && <span className="fold-hint"> {evidence.threshold ? t("evidence.short", { value: evidence.value, threshold: evidence.threshold }) : evidence.value}</span>}
      </summary>
      <EvidenceView evidence={evidence} />
    </details>
  );
}
