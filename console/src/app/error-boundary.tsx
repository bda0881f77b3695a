import { Component, type ReactNode } from "react";
import { Failed } from "../ui/states.tsx";

interface Props {
  /** Another one begins anew. */
  place: string;
  children: ReactNode;
}

/** Keeps the rest of the page when a part of it breaks. */
export class ErrorBoundary extends Component<Props, { error: unknown; place: string }> {
  override state = { error: undefined as unknown, place: this.props.place };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static getDerivedStateFromProps(props: Props, state: { error: unknown; place: string }) {
    return props.place === state.place ? null : { error: undefined, place: props.place };
  }

  override render() {
    if (this.state.error === undefined) return this.props.children;
    return <Failed error={this.state.error} retry={() => this.setState({ error: undefined })} />;
  }
}
