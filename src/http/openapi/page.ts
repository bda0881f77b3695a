import type { JsonSchema } from "../../protocol/assistant.ts";
import { type Html, html } from "../html.ts";
import type { OpenApi } from "./document.ts";
import type { Operation, Parameter } from "./operation.ts";
import { describeSchema } from "./page-schema.ts";

/**
 * The document as a page for people: everything under an address of its own, and nothing that has to be run. What it links
 * to is beside it, wherever it is mounted.
 */
export function renderPage(document: OpenApi, stylesheet: string): string {
  const { info, tags, components } = document;
  const operations = listOperations(document);
  const schemas = Object.entries(components.schemas);
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags[0] === name);
    return html`<section><h2 id="${name.toLowerCase()}">${name}</h2><p>${description}</p>${own.map((one) => renderOperation(one, components.responses))}</section>`;
  });
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>API · Holdpoint</title><link rel="stylesheet" href="${stylesheet}"></head>
<body><header><h1>${info.title} API <small>${info.version}</small></h1>${info.description.split("\n\n").map((text) => html`<p>${text}</p>`)}<p>The same for programs: <a href="openapi.json">openapi.json</a></p></header>
<div class="columns"><nav aria-label="Contents">${tags.map(({ name }) => renderContents(name, operations))}<p><a href="#schemas">Schemas</a></p></nav>
<main>${sections}<section><h2 id="schemas">Schemas</h2>${schemas.map(([name, schema]) => renderSchema(name, schema))}</section></main></div></body></html>
`.markup;
}

interface Listed {
  method: string;
  path: string;
  operation: Operation;
}

function listOperations({ paths }: OpenApi): Listed[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

function renderContents(tag: string, operations: readonly Listed[]): Html {
  const own = operations.filter(({ operation }) => operation.tags[0] === tag);
  const links = own.map(
    ({ method, path, operation }) => html`<li><a href="#${operation.operationId}"><b>${method}</b> ${path}</a></li>`,
  );
  return html`<details><summary>${tag}</summary><ul>${links}</ul></details>`;
}

// What is linked to stands inside, so that a browser opens what hides it.
function renderOperation({ method, path, operation }: Listed, shared: OpenApi["components"]["responses"]): Html {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const content = requestBody?.content["application/json"];
  const answers = Object.entries(responses).map(([status, response]) => renderAnswer(status, response, shared));
  return html`<details class="operation"><summary><b>${method}</b> <code>${path}</code> <span>${summary}</span></summary><div id="${operationId}">
<p>${description}</p>${parameters.length === 0 ? "" : renderParameters(parameters)}${
    content === undefined ? "" : html`<h3>Body</h3>${describeSchema(content.schema)}${renderExample(content.example)}`
  }<h3>Answers</h3><dl>${answers}</dl></div></details>`;
}

function renderParameters(parameters: readonly Parameter[]): Html {
  const rows = parameters.map(
    ({ name, in: place, required, description = "", schema }) =>
      html`<tr><th scope="row"><code>${name}</code></th><td>${place}${required ? ", required" : ""}</td><td>${describeSchema(schema)} ${description}</td></tr>`,
  );
  return html`<h3>Parameters</h3><table><tbody>${rows}</tbody></table>`;
}

function renderExample(example: unknown): Html {
  return example === undefined ? html`` : html`<pre tabindex="0">${JSON.stringify(example, null, 2)}</pre>`;
}

interface ShownResponse {
  $ref?: string;
  description?: string;
  headers?: Record<string, unknown>;
  content?: Record<string, { schema: JsonSchema }>;
}

function renderAnswer(status: string, response: unknown, shared: OpenApi["components"]["responses"]): Html {
  const { $ref, ...own } = response as ShownResponse;
  const {
    description = "",
    headers = {},
    content = {},
  } = $ref === undefined ? own : (shared[$ref.split("/").at(-1) ?? ""] as ShownResponse);
  const isRefusal = Number(status) >= 400;
  const names = isRefusal ? [] : Object.keys(headers);
  const told = names.length === 0 ? "" : html` Headers: ${names.join(", ")}.`;
  const [type] = Object.entries(content);
  const body = isRefusal || type === undefined ? "" : html` <code>${type[0]}</code> ${describeSchema(type[1].schema)}`;
  return html`<dt>${status}</dt><dd>${description}${told}${body}</dd>`;
}

function renderSchema(name: string, schema: JsonSchema): Html {
  return html`<details><summary><code>${name}</code></summary><div id="schema-${name}">${describeSchema(schema)}</div></details>`;
}
