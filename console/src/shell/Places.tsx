// Where one can go: what to watch, where to respond, what to learn from, what to set.
import { useWords } from "../i18n/i18n";
import type { Key } from "../i18n/i18n";
import { useLive } from "../live/live";
import { Icon } from "../ui/Icon";
import type { IconName } from "../ui/Icon";
import { Card, Page } from "../ui/pieces";
import { Link } from "../ui/router";

interface Place {
  to: string;
  room: string;
  icon: IconName;
  text: Key;
  major?: boolean; // at the thumb on a telephone
}

export const kGroups: { name: string; text: Key; places: Place[] }[] = [
  {
    name: "watch",
    text: "nav.watch",
    places: [
      { to: "/", room: "", icon: "overview", text: "nav.overview", major: true },
      { to: "/alerts", room: "alerts", icon: "bell", text: "nav.alerts", major: true },
      { to: "/slos", room: "slos", icon: "check", text: "nav.slos" },
      { to: "/explore", room: "explore", icon: "explore", text: "nav.explore" },
      { to: "/cardinality", room: "cardinality", icon: "box", text: "nav.metrics" },
    ],
  },
  {
    name: "respond",
    text: "nav.respond",
    places: [
      { to: "/incidents", room: "incidents", icon: "incident", text: "nav.incidents", major: true },
      { to: "/oncall", room: "oncall", icon: "calendar", text: "nav.oncall", major: true },
      { to: "/silences", room: "silences", icon: "silence", text: "nav.silences" },
      { to: "/routing", room: "routing", icon: "route", text: "nav.routing" },
      { to: "/status-page", room: "status-page", icon: "page", text: "nav.status" },
    ],
  },
  {
    name: "learn",
    text: "nav.learn",
    places: [
      { to: "/postmortems", room: "postmortems", icon: "book", text: "nav.postmortems" },
      { to: "/kpi", room: "kpi", icon: "gauge", text: "nav.kpi" },
      { to: "/drills", room: "drills", icon: "drill", text: "nav.drills" },
    ],
  },
  {
    name: "settings",
    text: "nav.settings",
    places: [
      { to: "/texts", room: "texts", icon: "note", text: "nav.texts" },
      { to: "/contacts", room: "contacts", icon: "person", text: "nav.contacts" },
      { to: "/access", room: "access", icon: "key", text: "nav.access" },
    ],
  },
];

function useCounts(): Record<string, number> {
  const { overview } = useLive();
  return {
    incidents: overview?.incidents.length ?? 0,
  };
}

function PlaceLink({ place, here, count }: { place: Place; here: boolean; count: number }) {
  const { t } = useWords();
  return (
    <Link
      to={place.to}
      className={place.major ? undefined : "is-minor"}
      aria-current={here ? "page" : undefined}
      data-testid={`nav-${place.room || "overview"}`}
    >
      <Icon name={place.icon} size={20} />
      <span>{t(place.text)}</span>
      {count > 0 && (
        <b className="count" aria-label={t("nav.active", { count })}>
          {count}
        </b>
      )}
    </Link>
  );
}

export function Places({ room }: { room: string }) {
  const { t } = useWords();
  const counts = useCounts();
  const shown = room === "services" ? "" : room;
  const minor = room === "more" || kGroups.some((group) => group.places.some((place) => place.room === shown && !place.major));
  return (
    <nav className="places" aria-label={t("nav.label")}>
      {kGroups.map((group) => (
        <div key={group.name} className="place-group" role="group" aria-label={t(group.text)}>
          <p aria-hidden="true">{t(group.text)}</p>
          {group.places.map((place) => (
            <PlaceLink key={place.to} place={place} here={place.room === shown} count={counts[place.room] ?? 0} />
          ))}
        </div>
      ))}
      <Link to="/more" className="place-more" aria-current={minor ? "page" : undefined} data-testid="nav-more">
        <Icon name="more" size={20} />
        <span>{t("nav.more")}</span>
      </Link>
    </nav>
  );
}

// What a telephone has no room for beside the page.
export function MorePage() {
  const { t } = useWords();
  const counts = useCounts();
  return (
    <Page title={t("nav.more")} intro={t("nav.more_intro")} testId="more-page">
      {kGroups.map((group) => (
        <Card key={group.name} title={t(group.text)}>
          <ul className="more-places">
            {group.places.map((place) => (
              <li key={place.to}>
                <Link to={place.to}>
                  <Icon name={place.icon} size={20} />
                  <span>{t(place.text)}</span>
                  {(counts[place.room] ?? 0) > 0 && <b className="count">{counts[place.room]}</b>}
                </Link>
              </li>
            ))}
          </ul>
        </Card>
      ))}
    </Page>
  );
}
