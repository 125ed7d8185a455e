// From the address to the page.
import { Suspense, lazy } from "react";
import type { ReactElement } from "react";
import { useWords, WordsProvider } from "./i18n/i18n";
import { LiveProvider } from "./live/live";
import { OverviewPage } from "./overview/OverviewPage";
import { ServicePage } from "./services/ServicePage";
import { SessionProvider } from "./session/session";
import { Catch } from "./shell/Broken";
import { MorePage } from "./shell/Places";
import { Shell } from "./shell/Shell";
import { Empty, Loading, Page } from "./ui/pieces";
import { Link, useAddress } from "./ui/router";

const AccessPage = lazy(() => import("./access/AccessPage"));
const AlertsPage = lazy(() => import("./alerts/AlertsPage"));
const ContactsPage = lazy(() => import("./texts/ContactsPage"));
const DrillsPage = lazy(() => import("./drills/DrillsPage").then((page) => ({ default: page.DrillsPage })));
const ExplorePage = lazy(() => import("./explore/ExplorePage"));
const IncidentPage = lazy(() => import("./incidents/IncidentPage").then((page) => ({ default: page.IncidentPage })));
const IncidentsPage = lazy(() => import("./incidents/IncidentsPage").then((page) => ({ default: page.IncidentsPage })));
const KpiPage = lazy(() => import("./kpi/KpiPage"));
const MetricsPage = lazy(() => import("./metrics/MetricsPage"));
const OnCallPage = lazy(() => import("./oncall/OnCallPage"));
const PostmortemPage = lazy(() => import("./postmortems/PostmortemPage"));
const PostmortemsPage = lazy(() => import("./postmortems/PostmortemsPage"));
const RoutingPage = lazy(() => import("./routing/RoutingPage"));
const SilencesPage = lazy(() => import("./silences/SilencesPage"));
const SloPage = lazy(() => import("./slo/SloPage"));
const StatusDeskPage = lazy(() => import("./statuspage/StatusDeskPage"));
const TextsPage = lazy(() => import("./texts/TextsPage"));

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
      <Catch where={parts.join("/")}>
        <Suspense fallback={<Loading />}>
          <Room parts={parts} />
        </Suspense>
      </Catch>
    </Shell>
  );
}

function Room({ parts }: { parts: string[] }) {
  const [room, name, more] = parts;
  if (more === undefined) {
    if (room === undefined) return <OverviewPage />;
    if (room === "services" && name) return <ServicePage key={name} name={name} />;
    if (room === "incidents") return name ? <IncidentPage key={name} id={name} /> : <IncidentsPage />;
    if (room === "postmortems") return name ? <PostmortemPage key={name} id={name} /> : <PostmortemsPage />;
    if (!name && Object.hasOwn(kRooms, room)) return kRooms[room];
  }
  return <NotFound />;
}

const kRooms: Record<string, ReactElement> = {
  access: <AccessPage />,
  alerts: <AlertsPage />,
  cardinality: <MetricsPage />,
  contacts: <ContactsPage />,
  drills: <DrillsPage />,
  explore: <ExplorePage />,
  kpi: <KpiPage />,
  more: <MorePage />,
  oncall: <OnCallPage />,
  routing: <RoutingPage />,
  silences: <SilencesPage />,
  slos: <SloPage />,
  "status-page": <StatusDeskPage />,
  texts: <TextsPage />,
};

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
