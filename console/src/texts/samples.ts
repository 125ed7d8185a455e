// What stands for a field in a preview when nothing fills it: its own name, in brackets, so that nobody takes it for data.
//
// Source      The fields an incident fills: src/respond/words/fields.h.
const kIncidentFields = new Set(
  (
    "level level_title service title incident_id incident_url extent start_time detected_time end_time duration expected_recovery status owner contact " +
    "commander war_room hotline emergency_mail support_mail description progress user_impact next_update solution root_cause improvements " +
    "public_update status_page_url"
  ).split(" "),
);

export function samplesOf(fields: readonly string[], withIncident: boolean): Record<string, string> {
  return Object.fromEntries(fields.filter((field) => !withIncident || !kIncidentFields.has(field)).map((field) => [field, `[${field.replaceAll("_", " ")}]`]));
}
