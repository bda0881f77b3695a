import type { ReactNode } from "react";
import { messageOf } from "../data/api.ts";

/** While something is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <p className="state muted" role="status">
      Loading {what} …
    </p>
  );
}

/** What went wrong, and what to do. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="state notice bad" role="alert">
      <p>{messageOf(error)}</p>
      {retry !== undefined && (
        <button type="button" className="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Where there is nothing: what would be here. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}
