// From the address to the page.
import { Suspense, lazy } from "react";
import { AlertsPage } from "./alerts/AlertsPage";
import { DrillsPage } from "./drills/DrillsPage";
import { useWords, WordsProvider } from "./i18n/i18n";
import { IncidentPage } from "./incidents/IncidentPage";
import { IncidentsPage } from "./incidents/IncidentsPage";
import { LiveProvider } from "./live/live";
import { OverviewPage } from "./overview/OverviewPage";
import { ServicePage } from "./services/ServicePage";
import { SessionProvider } from "./session/session";
import { Shell } from "./shell/Shell";
import { Empty, Loading, Page } from "./ui/pieces";
import { Link, useAddress } from "./ui/router";

const ExplorePage = lazy(() => import("./explore/ExplorePage"));
const MetricsPage = lazy(() => import("./metrics/MetricsPage"));

export function App() {
  return (
    <WordsProvider>
      <SessionProvider>
        <LiveProvider>
          <Rooms />
        </LiveProvider>
      </SessionProvider>
    </WordsProvider>
  );
}

function Rooms() {
  const { parts } = useAddress();
  return (
    <Shell room={parts[0] ?? ""}>
      <Suspense fallback={<Loading />}>
        <Room parts={parts} />
      </Suspense>
    </Shell>
  );
}

function Room({ parts }: { parts: string[] }) {
  const [room, name, more] = parts;
  if (more === undefined) {
    if (room === undefined) return <OverviewPage />;
    if (room === "services" && name) return <ServicePage key={name} name={name} />;
    if (room === "incidents") return name ? <IncidentPage key={name} id={name} /> : <IncidentsPage />;
    if (room === "alerts" && !name) return <AlertsPage />;
    if (room === "drills" && !name) return <DrillsPage />;
    if (room === "explore" && !name) return <ExplorePage />;
    if (room === "cardinality" && !name) return <MetricsPage />;
  }
  return <NotFound />;
}

function NotFound() {
  const { t } = useWords();
  return (
    <Page title={t("not_found.title")} testId="not-found-page">
      <Empty icon="question" title={t("not_found.text")}>
        <Link to="/">{t("not_found.home")}</Link>
      </Empty>
    </Page>
  );
}
