import { Component, type ComponentChildren } from "preact";
import { lastRequestId } from "../api/client";
import { ApiError } from "../api/problem";
import { t } from "../lib/text";
import { Button } from "../ui/Button";
import { ScreenTitle } from "../ui/ScreenTitle";

interface Props {
  /** The member's current path: on another screen the crash is over. */
  path: string;
  children: ComponentChildren;
}

interface State {
  id: string | undefined;
}

/** Catches what a screen throws: the frame, the drafts and a way out stay. */
export class CrashBoundary extends Component<Props, State> {
  override state: State = { id: undefined };

  static override getDerivedStateFromError(error: unknown): State {
    return { id: (error instanceof ApiError ? error.problem.requestId : undefined) ?? lastRequestId() };
  }

  override componentDidUpdate(before: Props) {
    if (before.path !== this.props.path && this.state.id !== undefined) this.setState({ id: undefined });
  }

  override render() {
    if (this.state.id === undefined) return this.props.children;
    return (
      <div class="empty" role="alert">
        <ScreenTitle title={t.errors.crashTitle} />
        <p>{t.errors.crash}</p>
        <p class="small soft">{t.errors.requestId({ id: this.state.id })}</p>
        <Button onClick={() => location.reload()}>{t.errors.reload}</Button>
      </div>
    );
  }
}
