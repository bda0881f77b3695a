type Headers_ = Record<string, string>;

/** A JSON answer. */
export function json(value: unknown, status = 200, headers: Headers_ = {}): Response {
  return jsonText(JSON.stringify(value), status, headers);
}

/** A JSON answer whose text is ready. */
export function jsonText(body: string, status = 200, headers: Headers_ = {}): Response {
  return new Response(body, { status, headers: { "content-type": "application/json; charset=utf-8", ...headers } });
}

/** A plain answer. */
export function text(body: string, status = 200, headers: Headers_ = {}): Response {
  return new Response(body, { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers } });
}

/** An answer without a body. */
export function empty(status: 202 | 204, headers: Headers_ = {}): Response {
  return new Response(null, { status, headers });
}

/** A page of a list; `total` is left out where it was not counted. */
export function page<Item>(
  items: readonly Item[],
  { limit, offset }: { limit: number; offset: number },
  total?: number,
): Response {
  const next = offset + items.length;
  const hasMore = total === undefined ? items.length === limit && limit > 0 : next < total;
  return json(items, 200, {
    ...(total === undefined ? {} : { "x-pagination-total": String(total) }),
    ...(hasMore ? { "x-pagination-next": String(next) } : {}),
  });
}
