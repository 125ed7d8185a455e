// Each way each receiver is told, and what came of the last time.
import type { HistoryItem } from "../api/routing";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { Chip } from "../ui/Chip";
import { Limited } from "../ui/lists";
import { Ago, Card, Empty, Ready, Table } from "../ui/pieces";
import { useAddress } from "../ui/router";
import { lastDeliveries } from "./deliveries";
import type { ReceiverView } from "./tree";

const kHistory = 1000;

export function Receivers({ receivers }: { receivers: ReceiverView[] }) {
  const { t, word } = useWords();
  const { search } = useAddress();
  const wanted = search.get("receiver");
  const history = useResource<{ items: HistoryItem[] }>(`/routing/history?limit=${kHistory}`, { topics: ["route.notification"], everyMs: 30_000, calmMs: 2_000 });
  if (receivers.length === 0) return null;
  return (
    <Card title={t("routing.receivers")} testId="receivers">
      <Ready of={history}>
        {({ items }) => {
          const last = lastDeliveries(items);
          const rows = receivers
            .filter((one) => wanted === null || wanted === "" || one.name === wanted)
            .flatMap((receiver) =>
              receiver.integrations.length === 0 ? [{ receiver, key: receiver.name, kind: "" }] : receiver.integrations.map((one) => ({ receiver, ...one })),
            );
          if (rows.length === 0) return <Empty icon="bell" title={t("common.none")} />;
          return (
            <Limited items={rows} first={50}>
              {(some) => (
                <Table
                  caption={t("routing.receivers")}
                  rows={[...some]}
                  rowKey={(row) => row.key}
                  columns={[
                    { title: t("common.receiver"), head: true, cell: (row) => row.receiver.name },
                    { title: t("routing.integration"), cell: (row) => (row.kind === "" ? t("routing.silent_receiver") : <code>{row.key.slice(row.receiver.name.length + 1)}</code>) },
                    {
                      title: t("routing.last"),
                      cell: (row) => {
                        const found = last.get(row.key);
                        if (!found) return <span className="muted">{row.kind === "" ? "–" : t("routing.never")}</span>;
                        return <Chip tone={found.outcome === "delivered" ? "good" : found.outcome === "failed" ? "bad" : "info"}>{word("outcome", found.outcome)}</Chip>;
                      },
                    },
                    { title: t("routing.when"), cell: (row) => <Ago time={last.get(row.key)?.at} /> },
                    {
                      title: t("routing.detail"),
                      cell: (row) => [last.get(row.key)?.detail, row.receiver.fallback && t("routing.fallback", { name: row.receiver.fallback })].filter(Boolean).join(" · ") || "–",
                    },
                  ]}
                />
              )}
            </Limited>
          );
        }}
      </Ready>
    </Card>
  );
}
