/** Where a delivery stands: it waits for its next attempt, or it has one of the ends. */
export const DELIVERY_STATUSES = ["pending", "delivered", "gone", "dead"] as const;

/**
 * Where a delivery stands. `gone`: the receiver wants no more (410), or its mail server refused the address or the mail for
 * good; `dead`: it was tried for three days in vain.
 */
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** How somebody is told. */
export type DeliveryChannel = "webhook" | "mail";

/** What came of one request to a webhook, or of handing one mail over. */
export interface WebhookAnswer {
  /** The HTTP status, or the code of a mail server's reply; null when there was no answer. */
  status: number | null;
  /** The first bytes of the answer. */
  body: string | null;
  /** Why there was no answer. */
  error: string | null;
  duration_ms: number;
}

/** What came of handing one mail over. */
export interface MailAnswer extends WebhookAnswer {
  /** The server refused the recipient or the message for good. */
  isRefused: boolean;
}

/** A delivery, as the clients see it. */
export interface Delivery {
  delivery_id: string;
  channel: DeliveryChannel;
  /** `run.ended`, or what happened to a review: `review.opened`, … */
  event: string;
  run_id: string;
  thread_id: string;
  /** Null where it is about a run. */
  review_id: string | null;
  /** Of a mail: `mailto:` and the address. */
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
