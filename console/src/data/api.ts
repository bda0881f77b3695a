import type { Fault } from "../../../src/protocol/fault.ts";

/** An answer that says no, or none at all. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** 0: the server was not reached. */
  readonly status: number;
  readonly code: string;
  readonly facts: Record<string, unknown>;

  constructor(status: number, code: string, message: string, facts: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.facts = facts;
  }

  /** What is wrong with what was sent, place by place. */
  get faults(): Fault[] {
    const { faults } = this.facts;
    return Array.isArray(faults) ? (faults as Fault[]) : [];
  }
}

/** What came back, with the headers that matter for a page of a list. */
export interface Answer<Body> {
  body: Body;
  etag: string | null;
  /** Null: they were not counted to the end. */
  total: number | null;
  /** Of what was not counted to the end: there are more than these. */
  moreThan: number | null;
  next: number | null;
}

interface Options {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Asks this page's own server. The session's cookie goes along by itself; nothing is kept where scripts could read it. */
export async function ask<Body>(method: "GET" | "POST", path: string, options: Options = {}): Promise<Answer<Body>> {
  const { body, headers = {}, signal } = options;
  const response = await fetch(path, {
    method,
    credentials: "same-origin",
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((cause: unknown) => {
    if (signal?.aborted === true) throw cause;
    throw new ApiError(0, "unreachable", "The server does not answer. It is tried again by itself.");
  });
  const text = await response.text();
  if (!response.ok) throw failure(response, text);
  return {
    body: (text === "" ? null : JSON.parse(text)) as Body,
    etag: response.headers.get("etag"),
    total: numberOf(response.headers.get("x-pagination-total")),
    moreThan: numberOf(response.headers.get("x-pagination-more-than")),
    next: numberOf(response.headers.get("x-pagination-next")),
  };
}

/** Reads. */
export async function get<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  return (await ask<Body>("GET", path, signal === undefined ? {} : { signal })).body;
}

/** Writes. */
export async function post<Body>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Body> {
  return (await ask<Body>("POST", path, { body, headers })).body;
}

/** What went wrong, for a person. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True when nobody is signed in. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

function failure(response: Response, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; facts?: Record<string, unknown> } };
    return new ApiError(response.status, error.code, error.message, error.facts);
  } catch {
    const code = response.headers.get("x-holdpoint-error") ?? "unexpected";
    return new ApiError(response.status, code, text.slice(0, 1000) || `The server answered ${response.status}.`);
  }
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}
