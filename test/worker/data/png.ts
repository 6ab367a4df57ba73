import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** The colour types of the PNG specification. */
export const GREY = 0;
export const RGB = 2;
export const GREY_ALPHA = 4;

/** A PNG written by hand, to have depths and sizes that encoders do not offer. */
export function png(options: {
  width: number;
  height: number;
  depth: 8 | 16;
  colourType: number;
  /** Bytes of each row, without the filter byte. */
  rows: readonly (readonly number[])[];
}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(options.width, 0);
  header.writeUInt32BE(options.height, 4);
  header.set([options.depth, options.colourType], 8);
  const pixels = Buffer.from(options.rows.flatMap((row) => [0, ...row]));
  const chunks = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat([SIGNATURE, ...chunks]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}
