/** One event of a stream. */
export interface Frame {
  event?: string;
  id?: string;
  data?: unknown;
}

/** The events of a stream; what only keeps the connection alive is left out. */
export function framesOf(text: string): Frame[] {
  return text
    .split(/\r?\n\r?\n/)
    .map(frameOf)
    .filter((frame) => Object.keys(frame).length > 0);
}

function frameOf(block: string): Frame {
  const frame: Frame = {};
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(event|id|data): ?(.*)$/s.exec(line) ?? [];
    if (name === "event" || name === "id") frame[name] = value as string;
    if (name === "data") frame.data = value === "" ? undefined : JSON.parse(value as string);
  }
  return frame;
}

/** True for what a stream was answered with. */
export function isFrames(value: unknown): value is Frame[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => one?.event !== undefined && "data" in one);
}
