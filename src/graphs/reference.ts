/** A file and one of its exports, as `langgraph.json` writes them. */
export interface ExportReference {
  /** As it was written; relative to whoever wrote it. */
  file: string;
  export_name: string;
}

const REFERENCE = /^(.+?)(?::([\p{L}_$][\p{L}\p{N}_$]*))?$/su;

/** Reads `./auth.ts:auth`; without a name behind the colon it is the default export. */
export function parseReference(reference: string): ExportReference {
  const [, file = reference, export_name = "default"] = REFERENCE.exec(reference) ?? [];
  return { file, export_name };
}
