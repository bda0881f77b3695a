import { fileURLToPath } from "node:url";
import { Client } from "@langchain/langgraph-sdk";
import { Auth, HTTPException } from "@langchain/langgraph-sdk/auth";
import { type ProjectAuth, projectAuth } from "../../src/http/auth/project-auth.ts";
import { openServer, type TestServer } from "./server.ts";

const FOLDER = fileURLToPath(new URL("../fixtures/auth", import.meta.url));

/** What a request shows to be somebody: any user the test wants, as the `authenticate` handler will return them. */
export const as = (user: unknown): Record<string, string> => ({
  authorization: `Bearer ${Buffer.from(JSON.stringify(user)).toString("base64url")}`,
});

/** Alice or John, with permissions. */
export const named = (identity: string, permissions: readonly string[] = []) => as({ identity, permissions });

/** The user that a request shows. */
export function shown({ headers }: Request): unknown {
  const token = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1];
  if (token === undefined) throw new HTTPException(401, { message: "who are you?", headers: { "x-try": "harder" } });
  return JSON.parse(Buffer.from(token, "base64url").toString()) as unknown;
}

/** Everybody owns what they make, as the documentation of LangGraph has it. */
export function owners(): Auth {
  return new Auth()
    .authenticate((request) => shown(request) as string)
    .on(["threads", "assistants", "crons"], ({ action, value, user }) => {
      if (action === "create" || action === "update" || action === "create_run") {
        const changed = value as { metadata?: Record<string, unknown> | null };
        changed.metadata ??= {};
        changed.metadata["owner"] = user.identity;
      }
      return { owner: user.identity };
    })
    .on("store", ({ value, user }) => {
      if (!value.namespace?.includes(user.identity)) throw new HTTPException(403, { message: "not your namespace" });
    });
}

/** A server with the Auth of a project. */
export interface AuthScene extends TestServer {
  client_of(headers: Record<string, string>): Client;
}

/** Opens it; its graphs tell who has started them. */
export async function openAuthScene(
  auth: Auth | ProjectAuth = owners(),
  settings: Parameters<typeof openServer>[0] = {},
): Promise<AuthScene> {
  const read = "handlerOf" in auth ? auth : projectAuth(auth, "auth.ts", 5_000);
  const server = await openServer(settings, { directory: FOLDER, auth: read });
  return {
    ...server,
    client_of: (defaultHeaders) =>
      new Client({
        apiUrl: server.listening.url,
        apiKey: null as never,
        defaultHeaders,
        callerOptions: { maxRetries: 0 },
      }),
  };
}
