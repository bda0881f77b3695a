import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { HoldpointError } from "../protocol/errors.ts";

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const LONGEST_FILE = 1_048_576;

/** The certificates by which a mail server is believed. Throws `configuration_invalid` with one line. */
export function readAuthorities(path: string): string[] {
  const refusal = (why: string, cause?: unknown) =>
    new HoldpointError("configuration_invalid", `HOLDPOINT_SMTP_CA_FILE is ${path}: ${why}`, { cause });
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw refusal(`it cannot be read (${(cause as NodeJS.ErrnoException).code ?? "unknown reason"})`, cause);
  }
  if (text.length > LONGEST_FILE)
    throw refusal(`it is larger than ${LONGEST_FILE} bytes; give only what signs the mail server's`);
  const found = text.match(PEM) ?? [];
  if (found.length === 0)
    throw refusal("it has no certificate; it takes PEM, which begins with -----BEGIN CERTIFICATE-----");
  for (const [at, certificate] of found.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw refusal(`certificate ${at + 1} in it cannot be read`, cause);
    }
  }
  return found;
}
