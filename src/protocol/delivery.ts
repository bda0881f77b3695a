/** Where a delivery stands: it waits for its next attempt, or it has one of the ends. */
export const DELIVERY_STATUSES = ["pending", "delivered", "gone", "dead"] as const;

/** Where a delivery stands. `gone`: the receiver said 410; `dead`: it was tried for three days in vain. */
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** What came of one request to a webhook. */
export interface WebhookAnswer {
  /** The HTTP status; null when there was no answer. */
  status: number | null;
  /** The first bytes of the answer. */
  body: string | null;
  /** Why there was no answer. */
  error: string | null;
  duration_ms: number;
}

/** A delivery, as the clients see it. */
export interface Delivery {
  delivery_id: string;
  run_id: string;
  thread_id: string;
  url: string;
  status: DeliveryStatus;
  /** How many attempts there have been. */
  attempts: number;
  /** When the next one is due; null when there is none. */
  next_at: string | null;
  /** Until when it is tried again. */
  retry_until: string;
  /** What the last one was answered, or why not. */
  answer_status: number | null;
  error: string | null;
  created_at: string;
  updated_at: string;
}

/** One attempt at a delivery. */
export interface DeliveryAttempt {
  attempt: number;
  started_at: string;
  /** Null while it is under way, and for ever when its process died of it. */
  ended_at: string | null;
  duration_ms: number | null;
  answer_status: number | null;
  answer_body: string | null;
  error: string | null;
}
