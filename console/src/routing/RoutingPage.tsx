// Where alerts go: ask it for one, see the tree, the receivers, what is held back; and prove it by a drill.
import { useState } from "react";
import { kAlertmanager } from "../api/client";
import type { Explanation, Held, RouterStatus } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { formatCount } from "../i18n/quantities";
import { useForeign, useResource } from "../live/live";
import { Fold } from "../ui/lists";
import { Ago, Card, Empty, Page, Ready } from "../ui/pieces";
import { Explain } from "./Explain";
import { FireDrills } from "./FireDrills";
import { Receivers } from "./Receivers";
import { RouteTree } from "./RouteTree";
import { receiversOf, treeOf } from "./tree";
import type { ReceiverView, RouteNode } from "./tree";
import { parseYaml } from "./yaml";
import "./routing.css";

interface Drawn {
  tree: RouteNode | null;
  receivers: ReceiverView[];
  problem: string | null;
}

function drawn(config: string): Drawn {
  try {
    const yaml = parseYaml(config);
    return { tree: treeOf(yaml), receivers: receiversOf(yaml), problem: null };
  } catch (error) {
    return { tree: null, receivers: [], problem: (error as Error).message };
  }
}

export default function RoutingPage() {
  const { t } = useWords();
  const status = useForeign<RouterStatus>(`${kAlertmanager}/status`, { everyMs: 60_000 });
  const [explanation, setExplanation] = useState<Explanation | null>(null);
  return (
    <Page title={t("nav.routing")} intro={t("routing.intro")} testId="routing-page">
      <Ready of={status}>
        {({ config }) => {
          const { tree, receivers, problem } = drawn(config.original);
          return (
            <>
              <Explain explanation={explanation} setExplanation={setExplanation} />
              <Card title={t("routing.tree")} testId="route-tree">
                {problem !== null && <p className="problem">{t("routing.bad_tree", { why: problem })}</p>}
                {problem === null && tree === null && <Empty icon="route" title={t("routing.no_tree")}>{t("routing.no_tree_text")}</Empty>}
                {tree && <RouteTree root={tree} explanation={explanation} />}
                {config.original !== "" && (
                  <Fold summary={t("routing.as_text")}>{() => <pre className="pre code wide-scroll">{config.original}</pre>}</Fold>
                )}
              </Card>
              <div className="grid-2">
                <FireDrills receivers={receivers} />
                <HeldBack />
              </div>
              <Receivers receivers={receivers} />
            </>
          );
        }}
      </Ready>
    </Page>
  );
}

function HeldBack() {
  const { t } = useWords();
  const held = useResource<{ held: Held[] }>("/routing/held", { topics: ["route.notification"], everyMs: 10_000, calmMs: 1_000 });
  return (
    <Card title={t("routing.held")} testId="routing-held">
      <Ready of={held}>
        {(data) =>
          data.held.length === 0 ? (
            <Empty icon="check" title={t("routing.held_none")} />
          ) : (
            <ul className="rows">
              {data.held.map((one) => (
                <li key={`${one.group_key} ${one.receiver} ${one.fingerprint}`}>
                  <p>
                    <b>{one.receiver}</b> · {t(one.fingerprint ? "routing.held_flap" : "routing.held_storm", { count: formatCount(one.count) })}
                  </p>
                  <p className="muted">
                    <code>{one.group_key}</code> · {t("routing.since")} <Ago time={one.since} /> {one.why}
                  </p>
                </li>
              ))}
            </ul>
          )
        }
      </Ready>
    </Card>
  );
}
