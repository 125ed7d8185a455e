// Whom to call: the hotline first, then the team, the roles, the vendors and the channels.
import type { Contacts } from "../api/access";
import { useWords } from "../i18n/i18n";
import { useResource } from "../live/live";
import { Card, Empty, Page, Ready, Table } from "../ui/pieces";

export default function ContactsPage() {
  const { t } = useWords();
  const contacts = useResource<Contacts>("/contacts", { everyMs: 60_000 });
  return (
    <Page title={t("nav.contacts")} intro={t("contacts.intro")} testId="contacts-page">
      <Ready of={contacts}>{(data) => <Body contacts={data} />}</Ready>
    </Page>
  );
}

const Mail = ({ to }: { to: string }) => (to ? <a href={`mailto:${to}`}>{to}</a> : <>–</>);
const Phone = ({ number, dialled = number }: { number: string; dialled?: string }) => (number ? <a href={`tel:${(dialled || number).replace(/[^+\d]/g, "")}`}>{number}</a> : <>–</>);

function Body({ contacts }: { contacts: Contacts }) {
  const { t, word } = useWords();
  const { hotline, hotline_dialled, emergency_mail, support_mail, team, vendors, channels, roles } = contacts;
  const reach = hotline || emergency_mail || support_mail;
  if (!reach && team.length + vendors.length + channels.length + roles.length === 0) {
    return <Empty icon="person" title={t("contacts.none")}>{t("contacts.none_text")}</Empty>;
  }
  return (
    <>
      {reach && (
        <Card tone="info">
          <dl className="facts hotline">
            {hotline && (
              <>
                <dt>{t("contacts.hotline")}</dt>
                <dd>
                  <Phone number={hotline} dialled={hotline_dialled} />
                </dd>
              </>
            )}
            {emergency_mail && (
              <>
                <dt>{t("contacts.emergency_mail")}</dt>
                <dd>
                  <Mail to={emergency_mail} />
                </dd>
              </>
            )}
            {support_mail && (
              <>
                <dt>{t("contacts.support_mail")}</dt>
                <dd>
                  <Mail to={support_mail} />
                </dd>
              </>
            )}
          </dl>
        </Card>
      )}
      {team.length > 0 && (
        <Card title={t("contacts.team")} testId="contacts-team">
          <Table
            caption={t("contacts.team")}
            rows={team}
            rowKey={(one) => `${one.name} ${one.role}`}
            columns={[
              { title: t("common.name"), head: true, cell: (one) => one.name },
              { title: t("common.role"), cell: (one) => one.role || "–" },
              { title: t("common.phone"), cell: (one) => <Phone number={one.phone} /> },
              { title: t("common.email"), cell: (one) => <Mail to={one.email} /> },
              { title: "Slack", cell: (one) => one.slack || "–" },
              { title: t("contacts.duties"), cell: (one) => one.duties || "–" },
            ]}
          />
        </Card>
      )}
      <div className="grid-2">
        {roles.length > 0 && (
          <Card title={t("contacts.roles")}>
            <Table
              caption={t("contacts.roles")}
              rows={roles}
              rowKey={(one) => `${one.role} ${one.service} ${one.person}`}
              columns={[
                { title: t("common.role"), head: true, cell: (one) => word("incident_role", one.role) },
                { title: t("common.person"), cell: (one) => one.person || "–" },
                { title: t("contacts.backup"), cell: (one) => one.backup || "–" },
                { title: t("common.service"), cell: (one) => one.service || t("common.all") },
                { title: t("contacts.when_about"), cell: (one) => one.when_about || "–" },
              ]}
            />
          </Card>
        )}
        {channels.length > 0 && (
          <Card title={t("contacts.channels")}>
            <Table
              caption={t("contacts.channels")}
              rows={channels}
              rowKey={(one) => `${one.purpose} ${one.name}`}
              columns={[
                { title: t("contacts.channel"), head: true, cell: (one) => one.name },
                { title: t("contacts.purpose"), cell: (one) => one.purpose },
              ]}
            />
          </Card>
        )}
      </div>
      {vendors.length > 0 && (
        <Card title={t("contacts.vendors")}>
          <Table
            caption={t("contacts.vendors")}
            rows={vendors}
            rowKey={(one) => `${one.provider} ${one.contact}`}
            columns={[
              { title: t("contacts.provider"), head: true, cell: (one) => one.provider },
              { title: t("common.service"), cell: (one) => one.service || "–" },
              { title: t("contacts.contact"), cell: (one) => one.contact || "–" },
              { title: t("common.phone"), cell: (one) => <Phone number={one.phone} /> },
              { title: t("common.email"), cell: (one) => <Mail to={one.email} /> },
            ]}
          />
        </Card>
      )}
    </>
  );
}
