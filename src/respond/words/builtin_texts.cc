// The built-in texts. The Chinese ones of incidents and deployments are the mission's originals, line by line; the English
// ones say the same under the same fields.
#include "respond/words/templates.h"

namespace holdfast::respond::words {
namespace {

constexpr const char* kNoticeZh = R"(🚨 事故通知

事故级别: {level}
影响范围: {extent}
开始时间: {start_time}
预计恢复时间: {expected_recovery}
当前状态: {status}
负责人: {owner}
联系方式: {contact}

详细描述:
{description}

处理进展:
{progress}

用户影响:
{user_impact}

后续更新:
{next_update}
)";

constexpr const char* kNoticeEn = R"(🚨 Incident notice

Severity: {level}
Extent: {extent}
Start: {start_time}
Expected recovery: {expected_recovery}
State: {status}
Owner: {owner}
Contact: {contact}

Description:
{description}

Progress:
{progress}

User impact:
{user_impact}

Next update:
{next_update}
)";

constexpr const char* kResolvedZh = R"(✅ 事故解决通知

事故级别: {level}
影响范围: {extent}
开始时间: {start_time}
解决时间: {end_time}
持续时间: {duration}
负责人: {owner}

解决方案:
{solution}

根因分析:
{root_cause}

改进措施:
{improvements}

用户影响:
{user_impact}
)";

constexpr const char* kResolvedEn = R"(✅ Incident resolved

Severity: {level}
Extent: {extent}
Start: {start_time}
End: {end_time}
Duration: {duration}
Owner: {owner}

Solution:
{solution}

Root cause:
{root_cause}

Improvements:
{improvements}

User impact:
{user_impact}
)";

constexpr const char* kEmergencyZh = R"(🚨 {level} 紧急事故通知

服务: {service}
影响范围: {extent}
开始时间: {start_time}
当前状态: {status}
事故指挥官: {commander}
战情室: {war_room}
24/7应急热线: {hotline}

详细描述:
{description}

处理进展:
{progress}

下次更新: {next_update}

先恢复，再调查。
)";

constexpr const char* kEmergencyEn = R"(🚨 {level} emergency

Service: {service}
Extent: {extent}
Start: {start_time}
State: {status}
Incident commander: {commander}
War room: {war_room}
24/7 hotline: {hotline}

Description:
{description}

Progress:
{progress}

Next update: {next_update}

Recover first, investigate later.
)";

constexpr const char* kPageZh = R"({service}: {status}

影响范围: {extent}
开始时间: {start_time}
用户影响: {user_impact}
预计恢复时间: {expected_recovery}

{public_update}

下次更新: {next_update}
)";

constexpr const char* kPageEn = R"({service}: {status}

Affected: {extent}
Since: {start_time}
Impact: {user_impact}
Expected recovery: {expected_recovery}

{public_update}

Next update: {next_update}
)";

constexpr const char* kMailZh = R"(尊敬的用户：

{service} 目前出现问题，我们正在处理。

影响范围: {extent}
开始时间: {start_time}
对您的影响: {user_impact}
预计恢复时间: {expected_recovery}
当前状态: {status}

最新进展请见: {status_page_url}
如需帮助，请联系: {support_mail}

由此带来的不便，我们深表歉意。
)";

constexpr const char* kMailEn = R"(Dear user,

{service} has a problem, and we are working on it.

Affected: {extent}
Since: {start_time}
What it means for you: {user_impact}
Expected recovery: {expected_recovery}
State: {status}

News: {status_page_url}
Help: {support_mail}

We apologise for the inconvenience.
)";

constexpr const char* kMailResolvedZh = R"(尊敬的用户：

{service} 的问题已经解决。

影响范围: {extent}
开始时间: {start_time}
解决时间: {end_time}
持续时间: {duration}
对您的影响: {user_impact}

如仍遇到问题，请联系: {support_mail}
)";

constexpr const char* kMailResolvedEn = R"(Dear user,

the problem of {service} is resolved.

Affected: {extent}
Start: {start_time}
End: {end_time}
Duration: {duration}
What it meant for you: {user_impact}

If you still meet a problem: {support_mail}
)";

constexpr const char* kStartZh = R"(亲爱的团队，

{product}的部署现已开始。

**部署信息**:
- 开始时间: {deployment_start_time}
- 预期完成时间: {estimated_completion_time}
- 部署策略: {deployment_strategy}
- 影响范围: {impact_scope}

**监控链接**:
- 实时监控: {grafana_dashboard_url}
- 部署状态: {deployment_status_url}

我们将每{update_interval}发送状态更新。

**部署负责人**: {deployment_lead}
**紧急联系**: {emergency_contact}
)";

constexpr const char* kStartEn = R"(Dear team,

the deployment of {product} has begun.

**Deployment**:
- Start: {deployment_start_time}
- Expected end: {estimated_completion_time}
- Strategy: {deployment_strategy}
- Extent: {impact_scope}

**Watch it**:
- Live: {grafana_dashboard_url}
- State: {deployment_status_url}

We send an update every {update_interval}.

**Deployment lead**: {deployment_lead}
**Emergency contact**: {emergency_contact}
)";

constexpr const char* kPhaseZh = R"(Phase {phase_number} ({phase_name}) 已成功完成。

**当前状态**:
- 流量分配: {traffic_percentage}% 到新版本
- 错误率: {error_rate}%
- 响应时间: P95 = {response_time_p95}ms
- Agent状态: {active_agents}/{total_agents} 活跃

**下一步**: Phase {next_phase_number} 将在 {next_phase_start_time} 开始
)";

constexpr const char* kPhaseEn = R"(Phase {phase_number} ({phase_name}) is done.

**State**:
- Traffic: {traffic_percentage}% to the new version
- Error rate: {error_rate}%
- Response time: P95 = {response_time_p95}ms
- Agents: {active_agents}/{total_agents} active

**Next**: phase {next_phase_number} begins at {next_phase_start_time}
)";

constexpr const char* kUrgentZh = R"(⚠️ **紧急**: 部署过程中发现问题

**问题描述**: {issue_description}
**影响范围**: {impact_scope}
**当前状态**: {current_status}
**应对措施**: {mitigation_actions}

**负责人**: {incident_commander}
**下次更新**: {next_update_time}

请所有相关人员保持待命状态。
)";

constexpr const char* kUrgentEn = R"(⚠️ **Urgent**: a problem during the deployment

**Problem**: {issue_description}
**Extent**: {impact_scope}
**State**: {current_status}
**Mitigation**: {mitigation_actions}

**In charge**: {incident_commander}
**Next update**: {next_update_time}

Everybody concerned, please stay ready.
)";

constexpr const char* kMediaZh =
    "{start_time} 起，{service} 的部分功能受到影响（{extent}）。我们的团队正在全力处理，当前状态: "
    "{status}。"
    "我们将通过官方渠道及时通报进展: {status_page_url}\n";
constexpr const char* kMediaEn =
    "Since {start_time} a part of {service} has been affected ({extent}). Our team is working on "
    "it; state: {status}. "
    "We keep the public informed at {status_page_url}.\n";
constexpr const char* kPartnerZh =
    "尊敬的合作伙伴：\n\n{service} 于 {start_time} 起出现问题。\n影响范围: {extent}\n当前状态: "
    "{status}\n预计恢复时间: "
    "{expected_recovery}\n\n联系方式: {contact}\n24/7应急热线: {hotline}\n";
constexpr const char* kPartnerEn =
    "Dear partner,\n\n{service} has had a problem since {start_time}.\nAffected: {extent}\nState: "
    "{status}\nExpected "
    "recovery: {expected_recovery}\n\nContact: {contact}\n24/7 hotline: {hotline}\n";

}  // namespace

const std::vector<Text>& builtin_texts() {
  static const std::vector<Text> texts = {
      {"incident_notice", "zh", "team", "[{level}] 事故通知: {title}", kNoticeZh},
      {"incident_notice", "en", "team", "[{level}] Incident: {title}", kNoticeEn},
      {"incident_resolved", "zh", "team", "[{level}] 事故解决通知: {title}", kResolvedZh},
      {"incident_resolved", "en", "team", "[{level}] Resolved: {title}", kResolvedEn},
      {"p1_emergency", "zh", "team", "🚨 [{level}] 紧急事故: {title}", kEmergencyZh},
      {"p1_emergency", "en", "team", "🚨 [{level}] Emergency: {title}", kEmergencyEn},
      {"status_page", "zh", "status_page", "{service} 服务状态", kPageZh},
      {"status_page", "en", "status_page", "{service} status", kPageEn},
      {"user_email", "zh", "users_mail", "[{service}] 服务通知", kMailZh},
      {"user_email", "en", "users_mail", "[{service}] Service notice", kMailEn},
      {"user_email_resolved", "zh", "users_mail", "[{service}] 服务已恢复", kMailResolvedZh},
      {"user_email_resolved", "en", "users_mail", "[{service}] Service restored", kMailResolvedEn},
      {"in_app", "zh", "users_in_app", "{service} 服务通知",
       "{service}: {status}。影响范围: {extent}。最新进展: {status_page_url}\n"},
      {"in_app", "en", "users_in_app", "{service} notice",
       "{service}: {status}. Affected: {extent}. News: {status_page_url}\n"},
      {"media_statement", "zh", "media", "关于 {service} 服务的声明", kMediaZh},
      {"media_statement", "en", "media", "Statement about {service}", kMediaEn},
      {"partner_notice", "zh", "partners", "[{service}] 合作伙伴通知", kPartnerZh},
      {"partner_notice", "en", "partners", "[{service}] Notice to partners", kPartnerEn},
      {"deployment_start", "zh", "team", "[{product}] 部署开始通知", kStartZh},
      {"deployment_start", "en", "team", "[{product}] Deployment started", kStartEn},
      {"deployment_phase", "zh", "team", "[{product}] Phase {phase_number} 完成", kPhaseZh},
      {"deployment_phase", "en", "team", "[{product}] Phase {phase_number} done", kPhaseEn},
      {"deployment_urgent", "zh", "team", "[URGENT] [{product}] 部署问题", kUrgentZh},
      {"deployment_urgent", "en", "team", "[URGENT] [{product}] Deployment problem", kUrgentEn},
  };
  return texts;
}

}  // namespace holdfast::respond::words
