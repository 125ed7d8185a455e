// The tree, one row per route with rails to its parent; the way of the alert that was asked about stands out.
import type { Explanation } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { MatcherChips } from "../matchers/MatcherRows";
import { Chip } from "../ui/Chip";
import { Limited } from "../ui/lists";
import { rowsOf } from "./tree";
import type { RouteNode, RouteRow } from "./tree";

export function RouteTree({ root, explanation }: { root: RouteNode; explanation: Explanation | null }) {
  const { t } = useWords();
  const onWay = new Set(explanation?.targets.flatMap((target) => target.route) ?? []);
  const ends = new Map(explanation?.targets.map((target) => [target.route.at(-1) ?? "", target.told]) ?? []);
  return (
    <>
      <p className="muted">{t("routing.tree_text")}</p>
      <Limited items={rowsOf(root)} first={200}>
        {(some) => (
          <ul className="route-tree">
            {some.map((row, i) => (
              <Row key={`${row.node.key} ${i}`} row={row} onWay={onWay.has(row.node.key)} told={ends.get(row.node.key)} />
            ))}
          </ul>
        )}
      </Limited>
    </>
  );
}

function Row({ row: { node, depth, rails, last }, onWay, told }: { row: RouteRow; onWay: boolean; told: boolean | undefined }) {
  const { t } = useWords();
  const all = node.groupBy.includes("...");
  const grouped = all ? t("routing.group_all") : node.groupBy.length === 0 ? t("routing.group_none") : t("routing.group_by", { names: node.groupBy.join(", ") });
  return (
    <li className={onWay ? "route-row is-on-way" : "route-row"} data-testid="route-row" data-end={told !== undefined}>
      {rails.map((on, i) => (
        <i key={i} className={on ? "rail rail-on" : "rail"} aria-hidden="true" />
      ))}
      {depth > 0 && <i className={last ? "rail rail-end" : "rail rail-branch"} aria-hidden="true" />}
      <div className="route-node">
        <div className="row-head">
          <span className="visually-hidden">{depth + 1}. </span>
          {node.matchers.length === 0 ? <span className="muted">{t("routing.everything")}</span> : <MatcherChips matchers={node.matchers} />}
          <span aria-hidden="true">→</span>
          <b>{node.receiver}</b>
          {node.goesOn && <Chip tone="info" icon="next">{t("routing.goes_on")}</Chip>}
          {node.muted.length > 0 && <Chip tone="quiet" icon="moon">{t("routing.muted_in", { names: node.muted.join(", ") })}</Chip>}
          {node.active.length > 0 && <Chip tone="quiet" icon="clock">{t("routing.active_in", { names: node.active.join(", ") })}</Chip>}
          {told !== undefined && <Chip tone={told ? "bad" : "quiet"} icon={told ? "bell" : "silence"}>{t(told ? "routing.would_tell" : "routing.would_not_tell")} {node.receiver}</Chip>}
        </div>
        <p className="muted route-timing">
          {grouped} · {t("routing.timing", { wait: node.groupWait, interval: node.groupInterval, repeat: node.repeatInterval })}
        </p>
      </div>
    </li>
  );
}
