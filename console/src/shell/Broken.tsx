// A page that breaks on an answer it does not understand says so, and leaves the frame and the other pages standing.
import { Component } from "react";
import type { ReactNode } from "react";
import { useWords } from "../i18n/i18n";
import { Button } from "../ui/pieces";
import { Icon } from "../ui/Icon";

interface CatchProps {
  where: string; // another address is another try
  children: ReactNode;
}

export class Catch extends Component<CatchProps, { problem: Error | null; where: string }> {
  override state = { problem: null as Error | null, where: this.props.where };

  static getDerivedStateFromError(problem: Error) {
    return { problem };
  }
  static getDerivedStateFromProps(props: CatchProps, state: { where: string }) {
    return props.where === state.where ? null : { problem: null, where: props.where };
  }
  override render() {
    if (this.state.problem === null) return this.props.children;
    return <Broken problem={this.state.problem} retry={() => this.setState({ problem: null })} />;
  }
}

function Broken({ problem, retry }: { problem: Error; retry: () => void }) {
  const { t } = useWords();
  return (
    <div className="failed" role="alert" data-testid="page-broken">
      <Icon name="incident" />
      <div>
        <p className="empty-title">{t("failed.page")}</p>
        <p>{problem.message}</p>
      </div>
      <Button onClick={retry}>{t("retry")}</Button>
    </div>
  );
}
