/** The longest key a client may give a request or a decision. */
export const MAX_IDEMPOTENCY_KEY = 200;
