import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE_BYTES = 8;
// RGB, eight bits each: what a browser writes for a page, which is never transparent.
const PIXEL_BYTES = 3;
const RGB = 2;
const PALETTE = 3;
const PALETTE_COLOURS = 256;
// So many are taken for being frequent, the others for being unlike all that were taken: a small thing keeps its colour.
const FREQUENT_COLOURS = 192;

/** The same picture in a third of the bytes: with 256 colours, of which a page needs few but for the edges of letters. */
export function smallerPng(png: Buffer): Buffer {
  const chunks = chunksOf(png);
  const header = chunks.find(({ type }) => type === "IHDR")?.data;
  if (header === undefined || header[9] !== RGB || header[12] !== 0) return png;
  const packed = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data));
  const width = header.readUInt32BE(0);
  const { palette, rows } = indexed(plainRows(inflateSync(packed), width * PIXEL_BYTES), width);
  const paletteHeader = Buffer.from(header);
  paletteHeader[9] = PALETTE;
  const made = Buffer.concat([
    png.subarray(0, SIGNATURE_BYTES),
    chunk("IHDR", paletteHeader),
    chunk("PLTE", palette),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
  return made.length < png.length ? made : png;
}

/** The most frequent colours, and each pixel as the place of its nearest among them. */
function indexed(pixels: Buffer, width: number): { palette: Buffer; rows: Buffer } {
  const rowBytes = width * PIXEL_BYTES + 1;
  const height = pixels.length / rowBytes;
  const colourAt = (row: number, column: number) => pixels.readUIntBE(row * rowBytes + 1 + column * PIXEL_BYTES, 3);
  const counts = new Map<number, number>();
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const colour = colourAt(row, column);
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
  }
  const byCount = [...counts].sort(([, one], [, other]) => other - one).map(([colour]) => colour);
  const chosen = choose(byCount);
  const places = new Map(byCount.map((colour) => [colour, nearest(colour, chosen)]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      rows[row * (width + 1) + 1 + column] = places.get(colourAt(row, column)) ?? 0;
    }
  }
  const palette = Buffer.alloc(chosen.length * PIXEL_BYTES);
  for (const [place, colour] of chosen.entries()) palette.writeUIntBE(colour, place * PIXEL_BYTES, PIXEL_BYTES);
  return { palette, rows };
}

function choose(byCount: readonly number[]): number[] {
  const chosen = byCount.slice(0, FREQUENT_COLOURS);
  const rest = byCount
    .slice(FREQUENT_COLOURS)
    .map((colour) => ({ colour, apart: Math.min(...chosen.map((other) => distance(colour, other))) }));
  while (chosen.length < Math.min(PALETTE_COLOURS, byCount.length)) {
    const next = rest.reduce((most, one) => (one.apart > most.apart ? one : most));
    chosen.push(next.colour);
    for (const one of rest) one.apart = Math.min(one.apart, distance(one.colour, next.colour));
  }
  return chosen;
}

function nearest(colour: number, chosen: readonly number[]): number {
  const distances = chosen.map((other) => distance(colour, other));
  return distances.indexOf(Math.min(...distances));
}

function distance(one: number, other: number): number {
  return [16, 8, 0].reduce((sum, shift) => sum + (((one >> shift) & 255) - ((other >> shift) & 255)) ** 2, 0);
}

function chunksOf(png: Buffer): { type: string; data: Buffer }[] {
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

/** Undoes what each row was told by, and marks it as told by nothing. */
function plainRows(filtered: Buffer, rowBytes: number): Buffer {
  const rows = Buffer.alloc(filtered.length);
  for (let start = 0; start < filtered.length; start += rowBytes + 1) {
    const filter = filtered[start];
    for (let at = start + 1; at <= start + rowBytes; at += 1) {
      const left = at - start > PIXEL_BYTES ? (rows[at - PIXEL_BYTES] ?? 0) : 0;
      const above = start > 0 ? (rows[at - rowBytes - 1] ?? 0) : 0;
      const corner = start > 0 && at - start > PIXEL_BYTES ? (rows[at - rowBytes - 1 - PIXEL_BYTES] ?? 0) : 0;
      rows[at] = (filtered[at] ?? 0) + guess(filter, left, above, corner);
    }
  }
  return rows;
}

function guess(filter: number | undefined, left: number, above: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) return 0;
  const [toLeft, toAbove, toCorner] = [above - corner, left - corner, left + above - 2 * corner].map(Math.abs);
  if (toLeft! <= toAbove! && toLeft! <= toCorner!) return left;
  return toAbove! <= toCorner! ? above : corner;
}
