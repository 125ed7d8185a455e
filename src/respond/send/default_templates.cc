// The texts of the default templates. Users build upon their names, and receivers upon their bytes: what each of those
// that Alertmanager has renders to is held by tests/respond/send against what the real one sent. Names that begin with
// __holdfast are our own shorthand, used by the rest.
#include "respond/send/templates.h"

namespace holdfast::respond::send {
namespace {

constexpr std::string_view kDefaults = R"tmpl(
{{- define "__alertmanager" }}Alertmanager{{ end }}
{{- define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver={{ urlquery .Receiver }}{{ end }}
{{- define "__description" }}{{ end }}

{{- define "__subject" }}[{{ toUpper .Status }}
  {{- if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}] {{ join " " .GroupLabels.Values }} {{ if gt (len .CommonLabels) (len .GroupLabels) -}}
    ({{ with .CommonLabels.Remove .GroupLabels.Names }}{{ join " " .Values }}{{ end }})
  {{- end }}
{{- end }}

{{- define "__text_alert_list" }}
  {{- range . }}Labels:
{{ range .Labels.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Annotations:
{{ range .Annotations.SortedPairs }} - {{ .Name }} = {{ .Value }}
{{ end }}Source: {{ .GeneratorURL }}
{{ end }}
{{- end }}

{{- define "__text_alert_list_markdown" }}
  {{- range . }}
Labels:
{{ range .Labels.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Annotations:
{{ range .Annotations.SortedPairs }}  - {{ .Name }} = {{ .Value }}
{{ end }}
Source: {{ .GeneratorURL }}
{{ end }}
{{ end }}


{{- /* Both lists with blank lines around them. */}}
{{- define "__holdfast_lists" }}
{{ if .Alerts.Firing }}
Alerts Firing:
{{ template "__text_alert_list" .Alerts.Firing }}
{{ end }}
{{ if .Alerts.Resolved }}
Alerts Resolved:
{{ template "__text_alert_list" .Alerts.Resolved }}
{{ end }}
{{ end }}

{{- define "__holdfast_lists_markdown" }}
{{ if .Alerts.Firing }}
# Alerts Firing:
{{ template "__text_alert_list_markdown" .Alerts.Firing }}
{{ end }}
{{ if .Alerts.Resolved }}
# Alerts Resolved:
{{ template "__text_alert_list_markdown" .Alerts.Resolved }}
{{ end }}
{{ end }}

{{- define "__holdfast_common" }}{{ join " " .CommonAnnotations.Values }}{{ end }}

{{- /* The common annotations and both lists, close together. */}}
{{- define "__holdfast_report" }}{{ template "__holdfast_common" . }}
{{ if .Alerts.Firing }}Alerts Firing:
{{ template "__text_alert_list" .Alerts.Firing }}{{ end }}
{{ if .Alerts.Resolved }}Alerts Resolved:
{{ template "__text_alert_list" .Alerts.Resolved }}{{ end }}{{ end }}

{{- define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{- define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "slack.default.fallback" }}{{ template "slack.default.title" . }} | {{ template "slack.default.titlelink" . }}{{ end }}
{{- define "slack.default.color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end }}
{{- define "slack.default.callbackid" }}{{ end }}
{{- define "slack.default.pretext" }}{{ end }}
{{- define "slack.default.iconemoji" }}{{ end }}
{{- define "slack.default.iconurl" }}{{ end }}
{{- define "slack.default.text" }}{{ end }}
{{- define "slack.default.footer" }}{{ end }}

{{- define "pagerduty.default.description" }}{{ template "__subject" . }}{{ end }}
{{- define "pagerduty.default.client" }}{{ template "__alertmanager" . }}{{ end }}
{{- define "pagerduty.default.clientURL" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end }}

{{- define "opsgenie.default.message" }}{{ template "__subject" . }}{{ end }}
{{- define "opsgenie.default.description" }}{{ template "__holdfast_report" . }}{{ end }}
{{- define "opsgenie.default.source" }}{{ template "__alertmanagerURL" . }}{{ end }}

{{- define "wechat.default.message" }}{{ template "__subject" . }}
{{ template "__holdfast_report" . }}
AlertmanagerUrl:
{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "wechat.default.to_user" }}{{ end }}
{{- define "wechat.default.to_party" }}{{ end }}
{{- define "wechat.default.to_tag" }}{{ end }}
{{- define "wechat.default.agent_id" }}{{ end }}

{{- define "victorops.default.state_message" }}{{ template "__holdfast_report" . }}{{ end }}
{{- define "victorops.default.entity_display_name" }}{{ template "__subject" . }}{{ end }}
{{- define "victorops.default.monitoring_tool" }}{{ template "__alertmanager" . }}{{ end }}

{{- define "pushover.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "pushover.default.message" }}{{ template "__holdfast_common" . }}{{ template "__holdfast_lists" . }}{{ end }}
{{- define "pushover.default.url" }}{{ template "__alertmanagerURL" . }}{{ end }}

{{- define "sns.default.subject" }}{{ template "__subject" . }}{{ end }}
{{- define "sns.default.message" }}{{ template "__holdfast_common" . }}{{ template "__holdfast_lists" . }}{{ end }}

{{- define "telegram.default.message" }}{{ template "__holdfast_lists" . }}{{ end }}

{{- define "discord.default.content" }}{{ end }}
{{- define "discord.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "discord.default.message" }}{{ template "__holdfast_lists" . }}{{ end }}

{{- define "webex.default.message" }}{{ template "__holdfast_common" . }}{{ template "__holdfast_lists" . }}{{ end }}

{{- define "msteams.default.summary" }}{{ template "__subject" . }}{{ end }}
{{- define "msteams.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "msteams.default.text" }}{{ template "__holdfast_lists_markdown" . }}{{ end }}
{{- define "msteamsv2.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "msteamsv2.default.text" }}{{ template "__holdfast_lists_markdown" . }}{{ end }}

{{- define "jira.default.summary" }}{{ template "__subject" . }}{{ end }}
{{- define "jira.default.description" }}{{ template "__holdfast_lists_markdown" . }}{{ end }}
{{- /* The worst severity of those that fire, else of those that ended. */}}
{{- define "jira.default.priority" }}
  {{- $alerts := .Alerts.Firing }}{{ if not $alerts }}{{ $alerts = .Alerts.Resolved }}{{ end }}
  {{- $high := false }}{{ $medium := false }}{{ $low := false }}
  {{- range $alerts }}
    {{- if eq .Labels.severity "critical" }}{{ $high = true }}{{ end }}
    {{- if eq .Labels.severity "warning" }}{{ $medium = true }}{{ end }}
    {{- if eq .Labels.severity "info" }}{{ $low = true }}{{ end }}
  {{- end }}
  {{- if $high }}High{{ else if $medium }}Medium{{ else if $low }}Low{{ end }}
{{- end }}

{{- define "rocketchat.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "rocketchat.default.alias" }}{{ template "__alertmanager" . }}{{ end }}
{{- define "rocketchat.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "rocketchat.default.emoji" }}{{ end }}
{{- define "rocketchat.default.iconurl" }}{{ end }}
{{- define "rocketchat.default.text" }}{{ end }}

{{- define "mattermost.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{- define "mattermost.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "mattermost.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "mattermost.default.fallback" }}{{ template "mattermost.default.title" . }} | {{ template "mattermost.default.titlelink" . }}{{ end }}
{{- define "mattermost.default.color" }}{{ if eq .Status "firing" }}#a30200{{ else }}#2eb886{{ end }}{{ end }}
{{- define "mattermost.default.text" }}{{ template "__subject" . }}
{{ template "__holdfast_report" . }}{{ end }}

{{- define "email.default.subject" }}{{ template "__subject" . }}{{ end }}

{{- /* Holdfast's own: short, for these are read on a telephone. */}}
{{- define "__holdfast_one" }}{{ with .Annotations.summary }}{{ . }}{{ else }}{{ with .Annotations.description }}{{ . }}{{ else }}{{ .Labels.alertname }}{{ end }}{{ end }}{{ end }}
{{- define "__holdfast_robot" }}
  {{- range .Alerts.Firing }}
> {{ template "__holdfast_one" . }}
> {{ range .Labels.SortedPairs }}{{ if ne .Name "alertname" }}{{ .Name }}={{ .Value }} {{ end }}{{ end }}
> {{ .StartsAt.Format "2006-01-02 15:04:05 MST" }}
{{ end }}
  {{- range .Alerts.Resolved }}
> {{ template "__holdfast_one" . }}
> {{ range .Labels.SortedPairs }}{{ if ne .Name "alertname" }}{{ .Name }}={{ .Value }} {{ end }}{{ end }}
> {{ .StartsAt.Format "2006-01-02 15:04:05 MST" }} - {{ .EndsAt.Format "2006-01-02 15:04:05 MST" }}
{{ end }}
{{- end }}
{{- define "wecom_robot.default.message" }}<font color="{{ if eq .Status "firing" }}warning{{ else }}info{{ end }}">{{ template "__subject" . }}</font>
{{ template "__holdfast_robot" . }}
[{{ template "__alertmanager" . }}]({{ template "__alertmanagerURL" . }}){{ end }}
{{- define "dingtalk_robot.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "dingtalk_robot.default.message" }}### {{ template "__subject" . }}
{{ template "__holdfast_robot" . }}
[{{ template "__alertmanager" . }}]({{ template "__alertmanagerURL" . }}){{ end }}
{{- define "feishu_robot.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "feishu_robot.default.message" }}
  {{- range .Alerts }}{{ toUpper .Status }} {{ template "__holdfast_one" . }}
{{ range .Labels.SortedPairs }}{{ if ne .Name "alertname" }}{{ .Name }}={{ .Value }} {{ end }}{{ end }}
{{ .StartsAt.Format "2006-01-02 15:04:05 MST" }}{{ if eq .Status "resolved" }} - {{ .EndsAt.Format "2006-01-02 15:04:05 MST" }}{{ end }}
{{ end }}{{ template "__alertmanagerURL" . }}{{ end }}
)tmpl";

constexpr std::string_view kEmail = R"tmpl(
{{- define "__holdfast_mail_alerts" }}
{{ range . }}
<tr><td style="padding:12px 20px;border-top:1px solid #e4e7ea">
<strong>Labels</strong><br>
{{ range .Labels.SortedPairs }}{{ .Name }} = {{ .Value }}<br>
{{ end }}
{{- if .Annotations }}<strong>Annotations</strong><br>
{{ range .Annotations.SortedPairs }}{{ .Name }} = {{ .Value }}<br>
{{ end }}
{{- end }}<a href="{{ .GeneratorURL }}" style="color:#1f6feb">Source</a>
</td></tr>
{{ end }}
{{- end }}
{{- define "email.default.html" }}<!DOCTYPE html>
<html>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ template "__subject" . }}</title>
</head>
<body style="margin:0;padding:20px;background:#f3f5f7;font-family:Arial,Helvetica,sans-serif;font-size:14px;line-height:1.5;color:#1c2329">
<table role="presentation" align="center" width="100%" cellpadding="0" cellspacing="0" style="max-width:640px;margin:0 auto;background:#ffffff">
<tr><td style="padding:16px 20px;color:#ffffff;font-size:16px;background:{{ if eq .Status "firing" }}#b42318{{ else }}#1a7f4b{{ end }}">
{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for {{ range .GroupLabels.SortedPairs }}
{{ .Name }}={{ .Value }}
{{ end }}
</td></tr>
<tr><td style="padding:16px 20px">
<a href="{{ template "__alertmanagerURL" . }}" style="display:inline-block;padding:8px 16px;background:#1f6feb;color:#ffffff;text-decoration:none">View in {{ template "__alertmanager" . }}</a>
</td></tr>
{{ if .Alerts.Firing }}<tr><td style="padding:8px 20px"><strong>[{{ len .Alerts.Firing }}] Firing</strong></td></tr>
{{ template "__holdfast_mail_alerts" .Alerts.Firing }}{{ end }}
{{ if .Alerts.Resolved }}<tr><td style="padding:8px 20px"><strong>[{{ len .Alerts.Resolved }}] Resolved</strong></td></tr>
{{ template "__holdfast_mail_alerts" .Alerts.Resolved }}{{ end }}
<tr><td style="padding:16px 20px;color:#6b757e;font-size:12px"><a href="{{ .ExternalURL }}" style="color:#6b757e">Sent by {{ template "__alertmanager" . }}</a></td></tr>
</table>
</body>
</html>
{{ end }}
)tmpl";

}  // namespace

std::string_view default_templates() { return kDefaults; }
std::string_view email_template() { return kEmail; }

}  // namespace holdfast::respond::send
