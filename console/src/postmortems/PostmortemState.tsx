import type { Postmortem } from "../api/learn";
import { useWords } from "../i18n/i18n";
import { Chip } from "../ui/Chip";
import type { Tone } from "../ui/Chip";

const kTones: Record<string, Tone> = { draft: "warn", in_review: "info", reviewed: "good", closed: "good" };

export function PostmortemState({ postmortem, large = false }: { postmortem: Postmortem; large?: boolean }) {
  const { t, word } = useWords();
  return (
    <>
      <Chip tone={kTones[postmortem.state] ?? "quiet"} large={large} testId="postmortem-state">
        {word("postmortem_state", postmortem.state)}
      </Chip>{" "}
      {postmortem.overdue && (
        <Chip tone="bad" icon="clock" large={large}>
          {t("postmortems.overdue")}
        </Chip>
      )}
    </>
  );
}

// Where it may go from here, the usual way first.
export function nextStates(state: string): string[] {
  switch (state) {
    case "draft":
      return ["in_review"];
    case "in_review":
      return ["reviewed", "draft"];
    case "reviewed":
      return ["closed"];
    default:
      return [];
  }
}
